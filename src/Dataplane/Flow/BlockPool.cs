using System.Collections.Concurrent;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Flow;

/// <summary>What a block of ports is now.</summary>
internal enum BlockState : byte
{
    Free,

    /// <summary>Meant for a host; the journal does not say so yet, and no packet has used it.</summary>
    Assigning,

    /// <summary>A host's, and its packets may use it.</summary>
    Active,

    /// <summary>A host's still, but no new flow begins in it: if none is found in it either, it is released.</summary>
    Retiring,

    /// <summary>Released; the journal does not say so yet.</summary>
    Releasing,
}

/// <summary>A block of outside ports. Control side only.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PortBlock
{
    /// <summary>Its host, of <see cref="BlockPool.HostKey"/>.</summary>
    public ulong Host;

    /// <summary>When the host got it, ticks of UTC.</summary>
    public long Since;

    /// <summary>When a flow was last seen in it, ns of the workers' clock.</summary>
    public long Used;

    /// <summary>The look through the sessions that decides about a retiring block.</summary>
    public uint Look;
    public BlockState State;
}

/// <summary>
/// The blocks of outside ports of one NAT rule: address by address, each cut into blocks of one size from the rule's first port on. Workers only look hosts up; everything else is the control side's, one at a time.
/// </summary>
internal sealed class BlockPool
{
    private readonly PortBlock[] _blocks;
    private readonly int[] _free;
    private readonly int[] _cursors;
    private readonly Dictionary<uint, int> _placeOf = [];
    private readonly ConcurrentDictionary<ulong, HostBlocks> _hosts = new();
    private readonly Dictionary<ulong, List<int>> _blocksOf = [];
    private long _fullUntil;

    /// <param name="addresses">Outside addresses, no two the same.</param>
    /// <param name="firstPort">Of each address.</param>
    /// <param name="lastPort">Of each address; ports that make no whole block are not used.</param>
    /// <param name="size">Ports of a block.</param>
    public BlockPool(uint[] addresses, int firstPort, int lastPort, int size)
    {
        (Addresses, FirstPort, Size) = (addresses, firstPort, size);
        PerAddress = (lastPort - firstPort + 1) / size;
        _blocks = new PortBlock[addresses.Length * PerAddress];
        _free = new int[addresses.Length];
        _cursors = new int[addresses.Length];
        Array.Fill(_free, PerAddress);
        for (var i = 0; i < addresses.Length; i++) _placeOf[addresses[i]] = i;
    }

    public uint[] Addresses { get; }

    public int FirstPort { get; }

    /// <summary>Ports of a block.</summary>
    public int Size { get; }

    /// <summary>Blocks of an address.</summary>
    public int PerAddress { get; }

    /// <summary>Blocks of a host at a time.</summary>
    public int PerHost { get; set; } = 1;

    public int Count => _blocks.Length;

    /// <summary>Blocks that are not free.</summary>
    public int Taken { get; private set; }

    /// <summary>Hosts that have blocks, or will as soon as the journal says so.</summary>
    public int Hosts => _blocksOf.Count;

    /// <summary>A host as keys name it.</summary>
    public static ulong HostKey(uint address, uint vrf) => address | (ulong)vrf << 32;

    public ref PortBlock this[int block] => ref _blocks[block];

    /// <summary>The blocks that a host may use now; null none. For workers.</summary>
    public HostBlocks? Find(uint address, uint vrf) => _hosts.TryGetValue(HostKey(address, vrf), out var host) ? host : null;

    /// <summary>Whether a host without blocks gets one at this time at all, as far as is known. For workers.</summary>
    public bool IsFull(long now) => now < Volatile.Read(ref _fullUntil);

    /// <summary>There is no block for another host; it is looked for again after this time of the workers' clock, ns.</summary>
    public void SetFull(long until) => Volatile.Write(ref _fullUntil, until);

    /// <summary>Outside address and first port of a block.</summary>
    public (uint Outside, int FirstPort) At(int block) => (Addresses[block / PerAddress], FirstPort + block % PerAddress * Size);

    /// <summary>The block that a port of an outside address is of; -1 none.</summary>
    public int BlockOf(uint outside, int port)
    {
        if (port < FirstPort || port >= FirstPort + PerAddress * Size || !_placeOf.TryGetValue(outside, out var place)) return -1;
        return place * PerAddress + (port - FirstPort) / Size;
    }

    /// <summary>The blocks of a host, in whatever state.</summary>
    public IReadOnlyList<int> BlocksOf(ulong host) => _blocksOf.TryGetValue(host, out var list) ? list : [];

    /// <summary>All blocks that are not free.</summary>
    public IEnumerable<int> All => _blocksOf.Values.SelectMany(b => b);

    /// <summary>Finds a free block for a host: of the address that it has blocks of, else of one that a hash of it names, else of any; -1 when there is none.</summary>
    public int FindFree(ulong host)
    {
        if (_blocksOf.TryGetValue(host, out var list)) return FreeAt(list[0] / PerAddress);
        // The same host is likely to come to the same address again (RFC 4787 REQ-2); room for all its blocks is better than room for the first.
        var start = (int)((uint)host * 0x9E37_79B9u >> 8) % Addresses.Length;
        var fallback = -1;
        for (var i = 0; i < Addresses.Length; i++)
        {
            var place = (start + i) % Addresses.Length;
            if (_free[place] >= PerHost) return FreeAt(place);
            if (_free[place] > 0 && fallback < 0) fallback = place;
        }
        return fallback < 0 ? -1 : FreeAt(fallback);
    }

    /// <summary>Gives a free block to a host.</summary>
    public void Take(int block, ulong host, BlockState state, long since, long now)
    {
        _blocks[block] = new PortBlock { Host = host, State = state, Since = since, Used = now };
        _free[block / PerAddress]--;
        Taken++;
        if (!_blocksOf.TryGetValue(host, out var list)) _blocksOf[host] = list = [];
        list.Add(block);
    }

    /// <summary>A block is free again.</summary>
    public void Free(int block)
    {
        var host = _blocks[block].Host;
        _blocks[block] = default;
        _free[block / PerAddress]++;
        Taken--;
        var list = _blocksOf[host];
        list.Remove(block);
        if (list.Count == 0) _blocksOf.Remove(host);
    }

    /// <summary>Shows the workers the blocks in which the host's flows may begin.</summary>
    /// <param name="fullUntil">No further one can be had before this time of the workers' clock, ns.</param>
    public void Publish(ulong host, long fullUntil = 0)
    {
        var active = BlocksOf(host).Where(b => _blocks[b].State == BlockState.Active).ToList();
        if (active.Count == 0) _hosts.TryRemove(host, out _);
        else _hosts[host] = new HostBlocks(At(active[0]).Outside, [.. active.Select(b => (ushort)At(b).FirstPort)], fullUntil);
    }

    // From where the last one was found on: a block that is given back is the last to be given again.
    private int FreeAt(int place)
    {
        if (_free[place] == 0) return -1;
        for (var i = 0; i < PerAddress; i++)
        {
            var at = (_cursors[place] + i) % PerAddress;
            if (_blocks[place * PerAddress + at].State != BlockState.Free) continue;
            _cursors[place] = (at + 1) % PerAddress;
            return place * PerAddress + at;
        }
        return -1;
    }
}
