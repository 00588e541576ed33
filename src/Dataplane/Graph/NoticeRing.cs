using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Graph;

/// <summary>What a worker has to tell.</summary>
internal enum NoticeKind : uint
{
    None,

    /// <summary>A neighbor said its MAC address: Interface, Address, Mac (low 48 bits of A).</summary>
    NeighborLearned,

    /// <summary>The first packet waits for a neighbor: Interface, Address.</summary>
    NeighborWanted,

    /// <summary>A neighbor did not answer: Interface, Address.</summary>
    NeighborFailed,

    /// <summary>Another host claims one of the gateway's addresses: Interface, Address, Mac in A.</summary>
    AddressConflict,

    /// <summary>A packet matched a protect policy without an SA: fields as the security policy says.</summary>
    Acquire,

    /// <summary>An SA passed a limit or nears its sequence number's end.</summary>
    SaLimit,

    /// <summary>An authenticated packet came from another UDP endpoint.</summary>
    SaEndpointChanged,

    /// <summary>A router said that an outer packet is too big: its destination in Address, SPI in A, sequence number in B, MTU in C.</summary>
    OuterTooBig,

    /// <summary>A router said that an outer packet of a tunnel is too big: Interface, MTU in C.</summary>
    TunnelTooBig,

    /// <summary>A host asks for a router advertisement: Interface.</summary>
    RouterSolicited,

    /// <summary>A host needs a block of outside ports: its address in Address, VRF in D, number of the NAT rule in A, how many it has in C.</summary>
    BlockWanted,
}

/// <summary>One notice; 64 bytes. Addresses are IPv4 in the low 32 bits (host order) with AddressHigh 0 and V6 false, or IPv6.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct Notice
{
    public NoticeKind Kind;
    public uint Interface;
    public ulong AddressHigh;
    public ulong AddressLow;
    public ulong A;
    public ulong B;
    public ulong C;
    public uint D;
    public bool V6;
}

/// <summary>A bounded lock-free queue of notices from one worker to the control side; a full one loses the newest and counts it.</summary>
internal sealed unsafe class NoticeRing : IDisposable
{
    private readonly Notice* _slots;
    private readonly uint _mask;
    private uint _written;
    private uint _read;

    public NoticeRing(int capacity)
    {
        var size = System.Numerics.BitOperations.RoundUpToPowerOf2((uint)capacity);
        _mask = size - 1;
        _slots = (Notice*)NativeMemory.AlignedAlloc(size * (nuint)sizeof(Notice), 64);
    }

    /// <summary>Notices that found the ring full.</summary>
    public ulong Lost;

    public bool IsEmpty => Volatile.Read(ref _written) == Volatile.Read(ref _read);

    public bool TryPush(in Notice notice)
    {
        var written = _written;
        if (written - Volatile.Read(ref _read) > _mask)
        {
            Lost++;
            return false;
        }
        _slots[written & _mask] = notice;
        Volatile.Write(ref _written, written + 1);
        return true;
    }

    public bool TryPop(out Notice notice)
    {
        var read = _read;
        if (read == Volatile.Read(ref _written))
        {
            notice = default;
            return false;
        }
        notice = _slots[read & _mask];
        Volatile.Write(ref _read, read + 1);
        return true;
    }

    public void Dispose() => NativeMemory.AlignedFree(_slots);
}
