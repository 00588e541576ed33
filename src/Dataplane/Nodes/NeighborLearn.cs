using System.Runtime.Intrinsics;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Takes what a neighbor says about its MAC address: known and unchanged is only noted, anything else is told to the control side, which alone changes tables.</summary>
internal static class NeighborLearn
{
    public enum Result
    {
        Known,
        Told,
        Unwanted,
        Limited,
    }

    /// <param name="solicited">The neighbor spoke to the gateway (asked for or answered it), so a new entry may be made; otherwise only a known one changes.</param>
    /// <param name="override">A known one may get another MAC address (RFC 4861 §7.2.5).</param>
    public static unsafe Result From(WorkerContext context, uint onInterface, ulong high, ulong low, bool v6, ulong mac, bool solicited, bool @override = true)
    {
        if (MacAddress.IsGroup(mac) || mac == 0 || mac == context.Tables.Interfaces[onInterface]->Mac) return Result.Unwanted;
        if ((context.Tables.Interfaces[onInterface]->Flags & InterfaceFlags.PointToPoint) != 0) return Result.Unwanted;
        var pending = context.Neighbors.Find(onInterface, high, low, v6);
        if (context.Tables.Neighbors.TryGet(high, low, DataplaneTables.NeighborTag(onInterface, v6), out var index))
        {
            var adjacency = context.Tables.Adjacencies[index];
            if (adjacency->Kind == AdjacencyKind.Neighbor)
            {
                if ((adjacency->Header.AsUInt64().ToScalar() & MacAddress.Broadcast) == mac)
                {
                    adjacency->LastConfirmed = (uint)(context.Now / 1_000_000_000);
                    if (pending == null) return Result.Known;
                }
                else if (!@override && pending == null)
                {
                    return Result.Unwanted;
                }
            }
        }
        else if (!solicited && pending == null)
        {
            // RFC 826, RFC 5227 §3: an announcement makes no new entry.
            return Result.Unwanted;
        }
        if (pending == null && !context.Learning.Take(context.Now)) return Result.Limited;
        var told = context.Notices.TryPush(new Notice
        {
            Kind = NoticeKind.NeighborLearned,
            Interface = onInterface,
            AddressHigh = high,
            AddressLow = low,
            V6 = v6,
            A = mac,
        });
        return told ? Result.Told : Result.Limited;
    }

    /// <summary>Whether an address may be a neighbor's on the interface: it lies in a network of it; or, where the interface has borrowed its addresses, a route leads to it there.</summary>
    public static unsafe bool MayBe(DataplaneTables tables, uint on, ulong high, ulong low, bool v6)
    {
        var entry = tables.Interfaces[on];
        if (OnLink(entry, high, low, v6)) return true;
        if ((entry->Flags & InterfaceFlags.Unnumbered) == 0) return false;
        return ReversePath.Allows(tables.Adjacencies, v6 ? tables.Fib6.Lookup(entry->Vrf, high, low) : tables.Fib4.Lookup(entry->Vrf, (uint)low), on, strict: true);
    }

    /// <summary>Whether an address lies in a network of the interface; only such neighbors exist (link-local IPv6 always does).</summary>
    public static unsafe bool OnLink(InterfaceEntry* entry, ulong high, ulong low, bool v6)
    {
        if (v6 && high >> 54 == 0xFE80 >> 6) return true;
        for (var own = entry->Addresses; own != null && own->PrefixLength != InterfaceAddressEntry.End; own++)
        {
            if (own->V6 != v6) continue;
            if (v6
                ? ((own->High ^ high) & Fib6.MaskHigh(own->PrefixLength)) == 0 && ((own->Low ^ low) & Fib6.MaskLow(own->PrefixLength)) == 0
                : (((uint)own->Low ^ (uint)low) & Fib4.Mask(own->PrefixLength)) == 0) return true;
        }
        return false;
    }
}
