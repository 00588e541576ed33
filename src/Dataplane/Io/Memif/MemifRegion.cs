using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>Memory shared with a peer. Its contents may change at any moment; its size may not.</summary>
internal sealed unsafe class MemifRegion : IDisposable
{
    /// <summary>Offsets in descriptors have 32 bits; what lies beyond cannot be named.</summary>
    private const ulong _reachable = 1UL << 32;

    private MemifRegion(Descriptor fd, byte* memory, ulong bytes)
    {
        Fd = fd;
        Memory = memory;
        Bytes = bytes;
    }

    /// <summary>The memfd.</summary>
    public Descriptor Fd { get; }

    public byte* Memory { get; private set; }

    public ulong Bytes { get; }

    /// <summary>Makes zeroed memory for a peer, sealed so that neither side can resize it.</summary>
    public static MemifRegion Create(ulong bytes)
    {
        Descriptor fd = MemifCalls.MakeMemory(bytes);
        try
        {
            return new MemifRegion(fd, MemifCalls.Map(fd, bytes), bytes);
        }
        catch
        {
            fd.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Maps what a peer gave. Were it to shrink afterwards, an access would be a bus error, and the process gone: so only memory files are taken that cannot.
    /// Memory of huge pages is not: a hole that is punched there fails to fill when the pages have run out, with the same end. The descriptor becomes the region's, or is closed.
    /// </summary>
    public static MemifRegion? Take(Descriptor fd, ulong bytes, out MemifFault fault)
    {
        fault = MemifCalls.IsSealedMemory(fd) ? MemifFault.None : MemifFault.RegionUnsealed;
        if (fault == MemifFault.None && (bytes == 0 || MemifCalls.LengthOf(fd) < bytes)) fault = MemifFault.RegionRefused;
        bytes = Math.Min(bytes, _reachable);
        byte* memory = fault == MemifFault.None ? MemifCalls.TryMap(fd, bytes) : null;
        if (memory != null) return new MemifRegion(fd, memory, bytes);
        if (fault == MemifFault.None) fault = MemifFault.RegionRefused;
        fd.Dispose();
        return null;
    }

    public void Dispose()
    {
        if (Memory == null) return;
        Libc.Unmap(Memory, (nuint)Bytes);
        Memory = null;
        Fd.Dispose();
    }
}
