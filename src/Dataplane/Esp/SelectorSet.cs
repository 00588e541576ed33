using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>The selectors of an SA in one address family (RFC 7296 §2.9): a packet lies in it when one local and one remote selector take it. Native and immutable.</summary>
internal unsafe struct SelectorSet<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private int _locals;
    private int _remotes;

    /// <summary>No selector looks at protocol or ports, so the packet need not be parsed beyond its addresses.</summary>
    public bool AddressesOnly;

    private readonly SpdRange<TAddress>* Ranges => (SpdRange<TAddress>*)((byte*)Unsafe.AsPointer(ref Unsafe.AsRef(in this)) + 16);

    public static SelectorSet<TAddress>* Create(ReadOnlySpan<SpdRange<TAddress>> local, ReadOnlySpan<SpdRange<TAddress>> remote)
    {
        if (local.IsEmpty || remote.IsEmpty) return null;
        var set = (SelectorSet<TAddress>*)NativeMemory.AlignedAlloc((nuint)(16 + (local.Length + remote.Length) * sizeof(SpdRange<TAddress>)), 64);
        set->_locals = local.Length;
        set->_remotes = remote.Length;
        set->AddressesOnly = true;
        var at = set->Ranges;
        foreach (var range in local) *at++ = range;
        foreach (var range in remote) *at++ = range;
        for (var i = 0; i < local.Length + remote.Length; i++)
            set->AddressesOnly &= set->Ranges[i] is { Protocol: 0, FirstPort: 0, LastPort: ushort.MaxValue };
        return set;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool Contains(in SpdKey<TAddress> key)
    {
        var at = Ranges;
        return Any(at, _locals, key.Local, key.LocalPort, key) && Any(at + _locals, _remotes, key.Remote, key.RemotePort, key);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool Any(SpdRange<TAddress>* ranges, int count, TAddress address, ushort port, in SpdKey<TAddress> key)
    {
        for (var i = 0; i < count; i++)
            if (ranges[i].Contains(address, port, key.Protocol, key.HasPorts)) return true;
        return false;
    }
}
