using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>What an interface without a port of its own is made of; a closed family.</summary>
public abstract record InterfaceLink
{
    private InterfaceLink()
    {
    }

    internal abstract LinkKind Kind { get; }

    /// <summary>Frames of another interface that carry these tags.</summary>
    /// <param name="Parent">Index of the interface that carries them.</param>
    public sealed record Vlan(uint Parent, VlanTag Outer, VlanTag? Inner = null) : InterfaceLink
    {
        internal override LinkKind Kind => LinkKind.Vlan;
    }
}
