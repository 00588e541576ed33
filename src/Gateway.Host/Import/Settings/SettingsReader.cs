using System.Text;

namespace Gateway.Host.Import.Settings;

/// <summary>
/// Reads the settings syntax of strongswan.conf(5), which swanctl.conf uses too: nested sections, <c>key = value</c>, quotes, comments,
/// <c>include</c> with wildcards, and sections that refer to others (<c>name : reference, reference { }</c>).
/// </summary>
internal sealed class SettingsReader
{
    // strongSwan stops at ten levels too; deeper is a file that includes itself.
    private const int MaxIncludes = 10;
    private const int MaxSections = 32;

    private readonly List<SettingsError> _notes;
    private readonly string _file;
    private readonly string _text;
    private readonly int _includes;
    private int _at;
    private int _line = 1;
    private SettingsError? _error;

    private SettingsReader(string file, string text, int includes, List<SettingsError> notes)
    {
        _file = file;
        _text = text;
        _includes = includes;
        _notes = notes;
    }

    private Origin Here => new(_file, _line);

    private bool AtEnd => _at >= _text.Length;

    private char Current => AtEnd ? '\n' : _text[_at];

    /// <summary>Reads a file with everything it includes. Notes tell of includes that matched nothing.</summary>
    public static SettingsSection? Read(string file, List<SettingsError> notes, out SettingsError? error)
    {
        var root = new SettingsSection("", new Origin(file, 1));
        return ReadInto(root, file, 0, notes, out error) ? root : null;
    }

    private static bool ReadInto(SettingsSection section, string file, int includes, List<SettingsError> notes, out SettingsError? error)
    {
        string text;
        try
        {
            text = File.ReadAllText(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            error = new SettingsError(new Origin(file, 1), $"cannot be read: {e.Message}");
            return false;
        }

        var reader = new SettingsReader(file, text, includes, notes);
        var done = reader.ReadBody(section, 0);
        error = reader._error;
        return done;
    }

    private bool ReadBody(SettingsSection section, int depth)
    {
        while (true)
        {
            SkipBlank();
            if (AtEnd) return depth == 0 || Fail($"section \"{section.Name}\" is not closed before the end of the file");
            if (Current == '}')
            {
                _at++;
                return depth > 0 || Fail("there is a \"}\" without a section to close");
            }

            if (!ReadStatement(section, depth)) return false;
        }
    }

    private bool ReadStatement(SettingsSection section, int depth)
    {
        var origin = Here;
        var quoted = Current == '"';
        if (!ReadName(out var name)) return false;
        if (!quoted && name == "include" && Current is ' ' or '\t') return Include(section, depth);
        SkipBlank();
        switch (Current)
        {
            case '=':
                _at++;
                if (!ReadValue(out var value)) return false;
                section.Set(new Setting(name, value, origin));
                return true;
            case '{' or ':':
                if (depth >= MaxSections) return Fail("sections are nested too deeply");
                var inner = section.Open(name, origin);
                return ReadReferences(inner) && ReadBody(inner, depth + 1);
            default:
                return Fail($"after \"{name}\" there must be \"=\", \"{{\" or \":\"");
        }
    }

    private bool ReadReferences(SettingsSection section)
    {
        if (Current == ':')
        {
            do
            {
                _at++;
                SkipBlank();
                var origin = Here;
                if (!ReadAbsoluteName(out var name)) return false;
                section.References.Add((name, origin));
                SkipBlank();
            }
            while (Current == ',');
        }

        if (Current != '{') return Fail($"section \"{section.Name}\" must open with \"{{\"");
        _at++;
        return true;
    }

    private bool ReadAbsoluteName(out string name)
    {
        name = "";
        while (true)
        {
            if (!ReadName(out var part)) return false;
            name += part;
            if (Current != '.') return true;
            name += '.';
            _at++;
        }
    }

    private bool ReadName(out string name)
    {
        if (Current == '"') return ReadQuoted(out name);
        var start = _at;
        while (!AtEnd && !IsBlank(Current) && !".,:{}=\"#".Contains(Current, StringComparison.Ordinal)) _at++;
        name = _text[start.._at];
        return _at > start || Fail(AtEnd ? "the file ends where a name should stand" : $"\"{Current}\" stands where a name should");
    }

    /// <summary>The rest of the line up to a comment or a closing brace; words are joined by one space, quotes keep what is in them.</summary>
    private bool ReadValue(out string? value)
    {
        value = null;
        while (true)
        {
            while (!AtEnd && Current is ' ' or '\t' or '\r') _at++;
            if (AtEnd || Current is '\n' or '#' or '}') return true;
            string word;
            if (Current == '"')
            {
                if (!ReadQuoted(out word)) return false;
            }
            else
            {
                var start = _at;
                while (!AtEnd && !IsBlank(Current) && Current is not ('#' or '}' or '"')) _at++;
                word = _text[start.._at];
            }

            value = value is null ? word : $"{value} {word}";
        }
    }

    private bool ReadQuoted(out string text)
    {
        var opened = Here;
        var content = new StringBuilder();
        _at++;
        while (!AtEnd && Current != '"')
        {
            var c = Current;
            _at++;
            if (c == '\n') _line++;
            if (c != '\\')
            {
                content.Append(c);
                continue;
            }

            if (AtEnd) break;
            var escaped = Current;
            _at++;
            if (escaped == '\r' && !AtEnd && Current == '\n') escaped = _text[_at++];
            if (escaped == '\n') _line++;   // A backslash at the end of a line joins it with the next.
            else content.Append(escaped switch { 'n' => '\n', 'r' => '\r', 't' => '\t', 'b' => '\b', 'f' => '\f', _ => escaped });
        }

        text = content.ToString();
        if (AtEnd)
        {
            _error ??= new SettingsError(opened, "the quote that opens here is not closed");
            return false;
        }

        _at++;
        return true;
    }

    private bool Include(SettingsSection section, int depth)
    {
        var origin = Here;
        while (Current is ' ' or '\t') _at++;
        string pattern;
        if (Current == '"')
        {
            if (!ReadQuoted(out pattern)) return false;
        }
        else
        {
            var start = _at;
            while (!AtEnd && !IsBlank(Current)) _at++;
            pattern = _text[start.._at];
        }

        if (pattern.Length == 0) return Fail("\"include\" names no file");
        if (_includes + 1 > MaxIncludes || depth > MaxSections) return Fail($"files include each other more than {MaxIncludes} levels deep");
        var folder = Path.GetDirectoryName(Path.GetFullPath(_file))!;
        var files = Wildcards.Expand(Path.Combine(folder, pattern));
        if (files.Count == 0) _notes.Add(new SettingsError(origin, $"include {pattern} matches no file; nothing is included, as by strongSwan"));
        foreach (var file in files)
            if (!ReadInto(section, file, _includes + 1, _notes, out _error)) return false;
        return true;
    }

    private void SkipBlank()
    {
        while (!AtEnd)
        {
            if (Current == '#') while (!AtEnd && Current != '\n') _at++;
            else if (Current == '\n')
            {
                _line++;
                _at++;
            }
            else if (IsBlank(Current)) _at++;
            else return;
        }
    }

    private bool Fail(string sentence)
    {
        _error ??= new SettingsError(Here, sentence);
        return false;
    }

    private static bool IsBlank(char c) => c is ' ' or '\t' or '\r' or '\n';
}
