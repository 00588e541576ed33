using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gateway.Dataplane.Tables;

/// <summary>What happens to a packet that took a route.</summary>
internal enum AdjacencyKind : byte
{
    /// <summary>No route: an ICMP unreachable goes back.</summary>
    NoRoute,

    /// <summary>One of the gateway's own addresses.</summary>
    Local,

    /// <summary>Dropped silently.</summary>
    Blackhole,

    /// <summary>Refused with an ICMP unreachable.</summary>
    Prohibit,

    /// <summary>Refused with an ICMP error that says the host is unreachable.</summary>
    Unreachable,

    /// <summary>Several next hops, of which a flow has one (<see cref="PathList"/>).</summary>
    Multipath,

    /// <summary>On a connected network: the next hop is the destination itself.</summary>
    Glean,

    /// <summary>A next hop whose MAC address is not known yet.</summary>
    Incomplete,

    /// <summary>A next hop with its Ethernet header ready.</summary>
    Neighbor,

    /// <summary>An ipsec interface: the CHILD SAs with its if_id carry the packet.</summary>
    Tunnel,

    /// <summary>A tunnel of IP in IP or GRE: the packet gets its headers.</summary>
    IpTunnel,
}

/// <summary>Where a route leads; one cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct Adjacency
{
    /// <summary>Destination and source MAC, EtherType, two bytes of padding. Aligned to 16 so that it is read and written in one piece.</summary>
    public Vector128<byte> Header;
    public ulong NextHopHigh;

    /// <summary>Next hop; IPv4 in the low 32 bits, host order.</summary>
    public ulong NextHopLow;
    public uint Interface;

    /// <summary>Largest IP packet, bytes.</summary>
    public uint Mtu;

    /// <summary>Seconds of the monotonic clock at the last use; written by workers.</summary>
    public uint LastUsed;

    /// <summary>Seconds of the monotonic clock when the neighbor last showed its MAC address; written by workers.</summary>
    public uint LastConfirmed;
    public AdjacencyKind Kind;
    public bool V6;
}

/// <summary>The adjacencies by index. Lives in one place for ever; a free index is reused only after an epoch.</summary>
internal sealed unsafe class AdjacencyTable : IDisposable
{
    public const int Capacity = 65536;

    /// <summary>Indices that always exist; <see cref="NoRoute"/> is what a lookup without a match gives.</summary>
    public const uint NoRoute = 0, Local = 1, Blackhole = 2, Prohibit = 3, Unreachable = 4;
    private const uint FirstFree = 5;

    private readonly void* _block;
    private readonly Adjacency* _entries;
    private readonly Epochs _epochs;
    private readonly Stack<uint> _free = [];
    private uint _next = FirstFree;

    public AdjacencyTable(Epochs epochs)
    {
        _epochs = epochs;
        // Zeroed by the kernel, page by page as indices come into use; an entry is a cache line.
        const int line = 64;
        _block = NativeMemory.AllocZeroed((nuint)Capacity * (nuint)sizeof(Adjacency) + line);
        _entries = (Adjacency*)(((nuint)_block + line - 1) & ~(nuint)(line - 1));
        _entries[Local].Kind = AdjacencyKind.Local;
        _entries[Blackhole].Kind = AdjacencyKind.Blackhole;
        _entries[Prohibit].Kind = AdjacencyKind.Prohibit;
        _entries[Unreachable].Kind = AdjacencyKind.Unreachable;
    }

    public Adjacency* this[uint index] => _entries + index;

    /// <summary>The kind, read before anything that <see cref="Complete"/> stored before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static AdjacencyKind KindOf(Adjacency* adjacency) => (AdjacencyKind)Volatile.Read(ref *(byte*)&adjacency->Kind);

    public int Count => (int)(_next - FirstFree) - _free.Count;

    /// <summary>Takes an index; 0 when all are taken. Control side only.</summary>
    public uint Add(in Adjacency adjacency)
    {
        if (!_free.TryPop(out var index))
        {
            if (_next == Capacity) return 0;
            index = _next++;
        }
        _entries[index] = adjacency;
        Interlocked.MemoryBarrier();
        return index;
    }

    /// <summary>Gives a next hop its Ethernet header, or a new one. Control side only.</summary>
    public void Complete(uint index, Vector128<byte> header)
    {
        // An aligned 16-byte store is seen whole by the workers on every processor with AVX or LSE2, and in halves of eight bytes on other ARMs: the first half
        // is all that a neighbor's new address changes.
        _entries[index].Header = header;
        Volatile.Write(ref *(byte*)&_entries[index].Kind, (byte)AdjacencyKind.Neighbor);
    }

    /// <summary>Takes a next hop's Ethernet header away. Control side only.</summary>
    public void Forget(uint index) => Volatile.Write(ref *(byte*)&_entries[index].Kind, (byte)AdjacencyKind.Incomplete);

    /// <summary>Gives an index back after no route uses it. Control side only.</summary>
    public void Remove(uint index) => _epochs.Retire(() => _free.Push(index));

    public void Dispose() => NativeMemory.Free(_block);
}
