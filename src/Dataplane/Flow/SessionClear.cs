using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Flow;

/// <summary>Sessions that are to end: those that are there now and for which all that is given holds. One object for all workers.</summary>
/// <param name="Address">At any end; null any.</param>
/// <param name="Rule">Number of the NAT rule; null any.</param>
/// <param name="Vrf">Of either direction; null any.</param>
internal sealed record SessionClear(AddressWords? Address, uint? Rule, uint? Vrf)
{
    /// <param name="session">A session in use.</param>
    /// <param name="ends">Its source and destination, when it is of IPv6.</param>
    public unsafe bool Means(in Session session, byte* ends)
    {
        var (forward, reply) = (session.Forward, session.Reply);
        if (Rule is { } rule && session.Rule != rule) return false;
        if (Vrf is { } vrf && forward.Vrf != vrf && reply.Vrf != vrf) return false;
        if (Address is not { } address) return true;
        if (address.V6 != forward.IsIp6) return false;
        if (address.V6) return Is(address, ends) || Is(address, ends + 16);
        var word = (uint)address.Low;
        return forward.Source == word || forward.Destination == word || reply.Source == word || reply.Destination == word;
    }

    private static unsafe bool Is(AddressWords address, byte* octets) => Wire.U64(octets) == address.High && Wire.U64(octets + 8) == address.Low;
}
