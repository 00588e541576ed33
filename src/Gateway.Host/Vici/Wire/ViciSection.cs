using System.Collections;
using System.Globalization;
using System.Text;

namespace Gateway.Host.Vici.Wire;

/// <summary>
/// A message of the vici protocol, or a section of one: named values, lists and sections in their order. The order counts for clients that print what
/// they get. Values are octets, as a rule UTF-8 text. Not a record, because what clients load holds secrets.
/// </summary>
internal sealed class ViciSection : IEnumerable<ViciEntry>
{
    private readonly List<ViciEntry> _entries = [];

    public IReadOnlyList<ViciEntry> Entries => _entries;

    /// <summary>The text of the first value of that name; null when there is none.</summary>
    public string? this[string name] => Find(name) is ViciEntry.Value value ? value.Text : null;

    public ViciEntry? Find(string name) => _entries.Find(e => e.Name == name);

    /// <summary>The octets of a value; null when there is none.</summary>
    public byte[]? Octets(string name) => (Find(name) as ViciEntry.Value)?.Octets;

    /// <summary>The items of a list as text. A single value counts as a list of one.</summary>
    public IReadOnlyList<string> Texts(string name) => Find(name) switch
    {
        ViciEntry.List list => [.. list.Items.Select(i => Encoding.UTF8.GetString(i))],
        ViciEntry.Value value => [value.Text],
        _ => [],
    };

    public ViciSection? Section(string name) => (Find(name) as ViciEntry.Section)?.Content;

    /// <summary>Whether a value of that name says yes.</summary>
    public bool IsYes(string name) => this[name] is "yes" or "true" or "enabled" or "1";

    /// <summary>A number, or the other one when there is none.</summary>
    public long Number(string name, long otherwise) =>
        long.TryParse(this[name], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    public void Add(ViciEntry entry) => _entries.Add(entry);

    /// <summary>Adds a value; null is left out.</summary>
    public void Add(string name, string? value)
    {
        if (value is not null) Add(name, Encoding.UTF8.GetBytes(value));
    }

    public void Add(string name, byte[] value) => _entries.Add(new ViciEntry.Value(name, value));

    public void Add(string name, long value) => Add(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Adds <c>yes</c>; nothing when it is not so, as strongSwan does.</summary>
    public void Add(string name, bool value)
    {
        if (value) Add(name, "yes");
    }

    public void Add(string name, IEnumerable<string> items) => _entries.Add(new ViciEntry.List(name, [.. items.Select(Encoding.UTF8.GetBytes)]));

    public void Add(string name, ViciSection section) => _entries.Add(new ViciEntry.Section(name, section));

    public IEnumerator<ViciEntry> GetEnumerator() => _entries.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>One named thing of a section: a closed family.</summary>
internal abstract class ViciEntry
{
    private ViciEntry(string name) => Name = name;

    public string Name { get; }

    public sealed class Value(string name, byte[] octets) : ViciEntry(name)
    {
        public byte[] Octets { get; } = octets;

        public string Text => Encoding.UTF8.GetString(Octets);
    }

    public sealed class List(string name, IReadOnlyList<byte[]> items) : ViciEntry(name)
    {
        public IReadOnlyList<byte[]> Items { get; } = items;
    }

    public sealed class Section(string name, ViciSection content) : ViciEntry(name)
    {
        public ViciSection Content { get; } = content;
    }
}
