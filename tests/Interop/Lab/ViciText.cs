namespace Gateway.Interop.Lab;

/// <summary>
/// The text that <c>swanctl --raw</c> prints of vici messages: <c>name {key=value list=[a b] section {…}}</c>.
/// A value ends at a blank or a closing brace.
/// </summary>
internal sealed class ViciText
{
    private readonly string _text;
    private int _at;

    private ViciText(string text) => _text = text;

    /// <summary>Values by key, lists by key, and sections in their order.</summary>
    public sealed class Section(string name)
    {
        public string Name { get; } = name;

        public Dictionary<string, string> Values { get; } = [];

        public Dictionary<string, IReadOnlyList<string>> Lists { get; } = [];

        public List<Section> Sections { get; } = [];

        public string this[string key] => Values.GetValueOrDefault(key, "");

        public Section? Find(string name) => Sections.Find(s => s.Name == name);
    }

    /// <summary>Reads the body of one line, after the event's name: <c>{…}</c>.</summary>
    public static Section Parse(string body)
    {
        var reader = new ViciText(body);
        reader._at = body.IndexOf('{', StringComparison.Ordinal) + 1;
        return reader.Body("");
    }

    private Section Body(string name)
    {
        var section = new Section(name);
        while (true)
        {
            while (_at < _text.Length && _text[_at] == ' ') _at++;
            if (_at >= _text.Length) return section;
            if (_text[_at] == '}')
            {
                _at++;
                return section;
            }

            var start = _at;
            while (_at < _text.Length && _text[_at] is not ('=' or '{' or '}')) _at++;
            var key = _text[start.._at].Trim();
            if (_at >= _text.Length || _text[_at] == '}') continue;
            if (_text[_at++] == '{')
            {
                section.Sections.Add(Body(key));
                continue;
            }

            if (_at < _text.Length && _text[_at] == '[')
            {
                var end = _text.IndexOf(']', _at);
                // A selector with a port holds brackets itself: 10.1.0.0/24[tcp/80].
                while (end + 1 < _text.Length && _text[end + 1] is not (' ' or '}')) end = _text.IndexOf(']', end + 1);
                section.Lists[key] = _text[(_at + 1)..end].Split(' ', StringSplitOptions.RemoveEmptyEntries);
                _at = end + 1;
                continue;
            }

            start = _at;
            while (_at < _text.Length && _text[_at] is not (' ' or '}')) _at++;
            section.Values[key] = _text[start.._at];
        }
    }
}
