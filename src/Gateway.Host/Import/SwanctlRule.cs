namespace Gateway.Host.Import;

/// <summary>How a value of swanctl.conf reads.</summary>
internal enum ValueForm
{
    Text,
    List,
    Number,
    YesNo,

    /// <summary>Seconds, or a number with s, m, h or d.</summary>
    Duration,

    /// <summary>A number with an optional k, m or g (of 1024).</summary>
    Bytes,

    /// <summary>The number of an XFRM interface, decimal, octal with 0 or hexadecimal with 0x as strtoul reads it.</summary>
    InterfaceId,

    /// <summary>Selectors, checked one by one.</summary>
    Selectors,

    /// <summary>Proposals, kept as far as they are supported.</summary>
    Proposals,

    /// <summary>One of the words of the row.</summary>
    Word,

    /// <summary>A method of authentication with its constraints.</summary>
    Authentication,

    /// <summary>Files of the row's folder; they become names of items.</summary>
    Files,
}

/// <summary>What becomes of a setting that has no place in the gateway's configuration.</summary>
internal enum Loss
{
    /// <summary>Nothing changes without it.</summary>
    None,

    /// <summary>The rest works without it, and does something less or different.</summary>
    Partial,

    /// <summary>Without it the section would protect or admit something else, so the whole section is left out.</summary>
    Whole,
}

/// <summary>One key of swanctl.conf: either carried over (<see cref="Property"/>) or not, with what that means.</summary>
internal sealed record SwanctlRule
{
    /// <summary>The key; with a trailing <c>*</c> any key that begins so.</summary>
    public required string Key { get; init; }

    /// <summary>The item's property, or null when there is none.</summary>
    public string? Property { get; init; }

    public ValueForm Form { get; init; }

    /// <summary>Words of strongSwan and what they are called here.</summary>
    public IReadOnlyDictionary<string, string>? Words { get; init; }

    /// <summary>Values that say what happens without the setting anyway; they are not reported.</summary>
    public IReadOnlyList<string> Same { get; init; } = [];

    /// <summary>Where the files lie.</summary>
    public string? Folder { get; init; }

    public Loss Loss { get; init; }

    /// <summary>The setting has its effect while the file is read, as the order of rounds has.</summary>
    public bool IsHeeded { get; init; }

    /// <summary>What is different without the setting.</summary>
    public string Sentence { get; init; } = "";

    public bool Matches(string key) => Key.EndsWith('*') ? key.StartsWith(Key[..^1], StringComparison.Ordinal) : key == Key;
}
