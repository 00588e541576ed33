namespace Gateway.Policy.Sa;

/// <summary>Name of a connection item, as swanctl's <c>connections.NAME</c>.</summary>
public readonly record struct ConnectionName(string Value)
{
    public override string ToString() => Value;
}

/// <summary>Name of a child within its connection, as swanctl's <c>children.NAME</c>.</summary>
public readonly record struct ChildName(string Value)
{
    public override string ToString() => Value;
}

/// <summary>Number of an IKE SA, unique within one gateway's journal for ever, as the <c>#N</c> of swanctl --list-sas. A rekeyed IKE SA gets a new one.</summary>
public readonly record struct IkeSaId(ulong Value)
{
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Number of a CHILD SA, unique within one gateway's journal for ever. A rekeyed CHILD SA gets a new one.</summary>
public readonly record struct ChildSaId(ulong Value)
{
    public override string ToString() => Value.ToString(System.Globalization.CultureInfo.InvariantCulture);
}
