namespace Gateway.Host.Vault;

/// <summary>What a slot of the vault is for. The number is part of the file's format.</summary>
public enum SlotKind : byte
{
    Free = 0,

    /// <summary>A secret of the configuration.</summary>
    Secret = 1,

    /// <summary>State of an IKE SA: its keys, counters, outstanding request and last response.</summary>
    IkeSa = 2,

    /// <summary>KEYMAT of one direction of a CHILD SA, with the hot state that its worker keeps.</summary>
    ChildSa = 3,

    /// <summary>A key of the gateway itself.</summary>
    Own = 4,
}
