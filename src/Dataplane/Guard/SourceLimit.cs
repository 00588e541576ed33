using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Guard;

/// <summary>A limit per source as workers share it; never changed, replaced as a whole. Null tables limit nothing.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct SourceLimit
{
    public SourceTable* Packets;
    public SourceTable* Flows;

    /// <summary>Bits of an IPv4 address that count, and of an IPv6 address.</summary>
    public uint Mask4;
    public ulong Mask6High, Mask6Low;

    /// <summary>Those of each worker in turn, a cache line apart: packets that passed, that did not, flows that did not begin, packets of sources that took over what another one used.</summary>
    public ulong* Counters;

    public const int Passed = 0, Limited = 1, FlowsLimited = 2, Crowded = 3, CounterStride = 8;

    /// <summary>Whether a packet (or, with flows, a new flow) of the IP packet's source may pass.</summary>
    public static bool Allows(SourceLimit* limit, byte* ip, bool flow, int worker, long now)
    {
        var table = flow ? limit->Flows : limit->Packets;
        if (table == null) return true;
        var (high, low) = ip[0] >> 4 == 4
            ? (1ul << 63, (ulong)(Nodes.Wire.U32(ip + 12) & limit->Mask4))
            : (Nodes.Wire.U64(ip + 8) & limit->Mask6High, Nodes.Wire.U64(ip + 16) & limit->Mask6Low);
        var passes = SourceTable.Take(table, high, low, now, out var crowded);
        var counters = limit->Counters + (nint)worker * CounterStride;
        if (crowded) counters[Crowded]++;
        if (!passes) counters[flow ? FlowsLimited : Limited]++;
        else if (!flow) counters[Passed]++;
        return passes;
    }

    /// <summary>Frees the limit, not its counters.</summary>
    public static void Free(SourceLimit* limit)
    {
        if (limit == null) return;
        SourceTable.Free(limit->Packets);
        SourceTable.Free(limit->Flows);
        NativeMemory.AlignedFree(limit);
    }
}
