namespace Gateway.Host.Import.Settings;

/// <summary>
/// A section as it counts: its own values and subsections first, then those inherited from the sections it refers to, left to right
/// (strongswan.conf(5), "REFERENCING OTHER SECTIONS").
/// </summary>
internal sealed class SettingsView
{
    // A section that refers to one around it nests without end; what people write is a handful deep.
    private const int MaxDepth = 16;

    private SettingsView(string name, string path, Origin origin)
    {
        Name = name;
        Path = path;
        Origin = origin;
    }

    public string Name { get; }

    /// <summary>Absolute name, for reports.</summary>
    public string Path { get; }

    public Origin Origin { get; }

    /// <summary>Values that are set; those cleared by an empty assignment are left out.</summary>
    public IReadOnlyList<Setting> Values { get; private set; } = [];

    public IReadOnlyList<SettingsView> Sections { get; private set; } = [];

    public string? this[string key] => Values.FirstOrDefault(v => v.Name == key)?.Value;

    public SettingsView? Section(string name) => Sections.FirstOrDefault(s => s.Name == name);

    /// <summary>Follows all references. Notes tell of those that name nothing, which strongSwan passes over.</summary>
    public static SettingsView? Of(SettingsSection root, List<SettingsError> notes, out SettingsError? error)
    {
        error = null;
        return new Merger(root, notes).Merge("", "", [root], 0, ref error);
    }

    private sealed class Merger(SettingsSection root, List<SettingsError> notes)
    {
        public SettingsView? Merge(string name, string path, IReadOnlyList<SettingsSection> sources, int depth, ref SettingsError? error)
        {
            var view = new SettingsView(name, path, sources[0].Origin);
            if (depth > MaxDepth)
            {
                error = new SettingsError(view.Origin, $"section \"{path}\" refers to a section that it lies in");
                return null;
            }

            var lineage = new List<SettingsSection>();
            foreach (var source in sources) Expand(source, lineage);
            view.Values = [.. lineage.SelectMany(s => s.Values).DistinctBy(v => v.Name).Where(v => v.Value is not null)];
            var sections = new List<SettingsView>();
            foreach (var group in lineage.SelectMany(s => s.Sections).GroupBy(s => s.Name))
            {
                var inner = Merge(group.Key, path.Length == 0 ? group.Key : $"{path}.{group.Key}", [.. group], depth + 1, ref error);
                if (inner is null) return null;
                sections.Add(inner);
            }

            view.Sections = sections;
            return view;
        }

        private void Expand(SettingsSection section, List<SettingsSection> lineage)
        {
            if (lineage.Contains(section)) return;
            lineage.Add(section);
            foreach (var (name, origin) in section.References)
            {
                if (root.Find(name) is { } referred) Expand(referred, lineage);
                else if (!notes.Exists(n => n.Origin == origin)) notes.Add(new SettingsError(origin, $"section \"{name}\" is referred to but not there; nothing is inherited, as by strongSwan"));
            }
        }
    }
}
