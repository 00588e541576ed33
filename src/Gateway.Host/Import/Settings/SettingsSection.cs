namespace Gateway.Host.Import.Settings;

/// <summary>A key of a settings file with its value; null where the file clears it (<c>key =</c>).</summary>
internal sealed record Setting(string Name, string? Value, Origin Origin);

/// <summary>Where something stands: a file and a line, counted from 1.</summary>
internal readonly record struct Origin(string File, int Line)
{
    public override string ToString() => $"{File}:{Line}";
}

/// <summary>What is wrong with a settings file.</summary>
internal sealed record SettingsError(Origin Origin, string Sentence)
{
    public override string ToString() => $"{Origin}: {Sentence}";
}

/// <summary>A section as it is written, before references are followed (strongswan.conf(5), "SYNTAX").</summary>
internal sealed class SettingsSection(string name, Origin origin)
{
    public string Name { get; } = name;

    public Origin Origin { get; } = origin;

    public List<Setting> Values { get; } = [];

    public List<SettingsSection> Sections { get; } = [];

    /// <summary>Absolute names of the sections it inherits from, left to right.</summary>
    public List<(string Name, Origin Origin)> References { get; } = [];

    /// <summary>A later value replaces an earlier one in its place.</summary>
    public void Set(Setting setting)
    {
        var index = Values.FindIndex(v => v.Name == setting.Name);
        if (index >= 0) Values[index] = setting;
        else Values.Add(setting);
    }

    /// <summary>A section that is opened again is extended.</summary>
    public SettingsSection Open(string name, Origin origin)
    {
        var section = Sections.Find(s => s.Name == name);
        if (section is null) Sections.Add(section = new SettingsSection(name, origin));
        return section;
    }

    /// <summary>Follows an absolute name such as <c>connections.base</c>.</summary>
    public SettingsSection? Find(string absoluteName)
    {
        var section = this;
        foreach (var part in absoluteName.Split('.'))
        {
            section = section.Sections.Find(s => s.Name == part);
            if (section is null) return null;
        }

        return section;
    }
}
