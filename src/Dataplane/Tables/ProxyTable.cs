using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>A range of addresses of one family, both ends within; IPv4 in the low 32 bits, host order.</summary>
[StructLayout(LayoutKind.Sequential, Size = 40)]
internal struct ProxyRange
{
    public ulong FirstHigh, FirstLow, LastHigh, LastLow;
    public bool V6;
}

/// <summary>What an interface answers for besides its own addresses; the ranges lie behind it.</summary>
[StructLayout(LayoutKind.Sequential, Size = 8)]
internal struct ProxyList
{
    public int Count;

    /// <summary>Also for hosts that are on the very link: they are kept from speaking to each other, as in a private VLAN.</summary>
    public bool SameLink;
}

/// <summary>Addresses that interfaces answer ARP requests and solicitations for in the place of hosts elsewhere. Lives in one place for ever; lists are replaced by the control side under epochs.</summary>
internal sealed unsafe class ProxyTable(Epochs epochs) : IDisposable
{
    private readonly nint* _lists = (nint*)NativeMemory.AllocZeroed(InterfaceTable.Capacity, (nuint)sizeof(nint));

    /// <summary>Whether the interface answers for the address, if a route leads there: by another interface than this one, or with <paramref name="sameLink"/> by this one too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Has(uint on, ulong high, ulong low, bool v6, out bool sameLink)
    {
        sameLink = false;
        var list = (ProxyList*)Volatile.Read(ref _lists[on & (InterfaceTable.Capacity - 1)]);
        return list != null && Search(list, high, low, v6, out sameLink);
    }

    /// <summary>Replaces the list of an interface; empty is none.</summary>
    public void Set(uint on, ReadOnlySpan<ProxyRange> ranges, bool sameLink)
    {
        ProxyList* list = null;
        if (ranges.Length > 0)
        {
            list = (ProxyList*)NativeMemory.AlignedAlloc((nuint)(sizeof(ProxyList) + ranges.Length * sizeof(ProxyRange)), 64);
            *list = new ProxyList { Count = ranges.Length, SameLink = sameLink };
            ranges.CopyTo(new Span<ProxyRange>(list + 1, ranges.Length));
        }
        var before = (void*)_lists[on & (InterfaceTable.Capacity - 1)];
        Volatile.Write(ref _lists[on & (InterfaceTable.Capacity - 1)], (nint)list);
        if (before != null) epochs.Retire(before);
    }

    public void Dispose()
    {
        for (var i = 0; i < InterfaceTable.Capacity; i++) NativeMemory.AlignedFree((void*)_lists[i]);
        NativeMemory.Free(_lists);
    }

    private static bool Search(ProxyList* list, ulong high, ulong low, bool v6, out bool sameLink)
    {
        sameLink = list->SameLink;
        var ranges = (ProxyRange*)(list + 1);
        for (var i = 0; i < list->Count; i++)
        {
            var range = ranges + i;
            if (range->V6 != v6 || high < range->FirstHigh || high > range->LastHigh) continue;
            if ((high > range->FirstHigh || low >= range->FirstLow) && (high < range->LastHigh || low <= range->LastLow)) return true;
        }
        return false;
    }
}
