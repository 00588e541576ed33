using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>How a bridge or a member of it behaves.</summary>
[Flags]
internal enum BridgeFlags : uint
{
    None = 0,

    /// <summary>Source addresses are learned.</summary>
    Learn = 1,

    /// <summary>Frames to addresses that nobody knows go to all members.</summary>
    FloodUnknown = 2,
}

/// <summary>A member of a bridge by its interface, as workers see it; a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct BridgePort
{
    /// <summary>Number of the bridge, 0 none.</summary>
    public uint Bridge;
    public BridgeFlags Flags;

    /// <summary>Members of one group other than 0 send nothing to each other.</summary>
    public uint Group;

    /// <summary>Addresses that may be learned here, 0 without limit of its own.</summary>
    public int MacLimit;

    /// <summary>Addresses learned here; workers count.</summary>
    public int Macs;

    /// <summary>Nanoseconds between two flooded frames from here, 0 without limit.</summary>
    public long FloodInterval;

    /// <summary>When the next flooded frame is due, monotonic nanoseconds; all workers draw on it.</summary>
    public long FloodDue;

    /// <summary>Takes one flooded frame out of the member's allowance, which lets a tenth of a second's worth pass at once.</summary>
    public bool TakeFlood(long now)
    {
        var interval = Volatile.Read(ref FloodInterval);
        if (interval == 0) return true;
        while (true)
        {
            var due = Volatile.Read(ref FloodDue);
            var start = Math.Max(due, now - BurstTime);
            if (start + interval > now) return false;
            if (Interlocked.CompareExchange(ref FloodDue, start + interval, due) == due) return true;
        }
    }

    /// <summary>Nanoseconds of allowance that may be saved up.</summary>
    public const long BurstTime = 100_000_000;
}

/// <summary>A member in the list along which a bridge floods.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct BridgeMemberEntry
{
    public uint Interface;
    public uint Group;
}

/// <summary>A bridge as workers see it; a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct BridgeEntry
{
    public BridgeFlags Flags;

    /// <summary>The routed member, 0 none.</summary>
    public uint Bvi;

    /// <summary>The stations; null when the bridge is not there.</summary>
    public MacTable* Macs;

    /// <summary>The members, up to one whose interface is 0; the routed one is among them.</summary>
    public BridgeMemberEntry* Members;
}

/// <summary>The bridges by number and the members by interface. Lives in one place for ever, so workers may hold pointers into it.</summary>
internal sealed unsafe class BridgeTable : IDisposable
{
    /// <summary>Numbers run from 1 to below this.</summary>
    public const int Capacity = 1024;

    /// <summary>A switched frame may be longer than the MTU and its Ethernet header by one VLAN tag.</summary>
    public const uint TagAllowance = 4;

    private readonly BridgeEntry* _bridges;
    private readonly BridgePort* _ports;

    public BridgeTable()
    {
        // Zeroed by the kernel, page by page as they come into use.
        _bridges = (BridgeEntry*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(BridgeEntry));
        _ports = (BridgePort*)NativeMemory.AllocZeroed(InterfaceTable.Capacity, (nuint)sizeof(BridgePort));
    }

    /// <summary>A bridge by its number.</summary>
    public BridgeEntry* this[uint number]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _bridges + (number & (Capacity - 1));
    }

    /// <summary>The members by interface index.</summary>
    public BridgePort* Ports => _ports;

    public void Dispose()
    {
        for (var i = 0; i < Capacity; i++)
        {
            NativeMemory.AlignedFree(_bridges[i].Macs);
            NativeMemory.AlignedFree(_bridges[i].Members);
        }
        NativeMemory.Free(_bridges);
        NativeMemory.Free(_ports);
    }
}
