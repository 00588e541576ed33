using System.Runtime.InteropServices;
using Gateway.Dataplane.Io.Interop;

namespace Gateway.Dataplane.Io.Memif;

/// <summary>
/// A connection to a peer that stands: its memory, its rings, and the first thing the peer was caught at. The worker uses it, the hub makes and frees it.
/// </summary>
internal sealed unsafe class MemifLink : IDisposable
{
    /// <summary>Regions that a peer may give.</summary>
    public const int MaxRegions = 64;

    private readonly MemifRegion[] _regions;
    private readonly EventSignal _signal = new();
    private readonly Area* _areas;
    private int _fault;
    private bool _disposed;

    /// <param name="receive">Rings to take packets from.</param>
    /// <param name="transmit">Rings to put packets into.</param>
    /// <param name="peer">The name that the peer gave itself.</param>
    public MemifLink(MemifRegion[] regions, MemifRing[] receive, MemifRing[] transmit, string peer)
    {
        _regions = regions;
        Receive = receive;
        Transmit = transmit;
        Peer = peer;
        _areas = (Area*)NativeMemory.AllocZeroed((nuint)regions.Length, (nuint)sizeof(Area));
        for (int i = 0; i < regions.Length; i++) _areas[i] = new Area { Memory = regions[i].Memory, Bytes = regions[i].Bytes };
    }

    public MemifRing[] Receive { get; }

    public MemifRing[] Transmit { get; }

    public string Peer { get; }

    /// <summary>Why the worker does not touch the rings any more; <see cref="MemifFault.None"/> while all is well.</summary>
    public MemifFault Fault => (MemifFault)Volatile.Read(ref _fault);

    /// <summary>Worker: the peer lied; the first reason stays.</summary>
    public void Blame(MemifFault fault) => Interlocked.CompareExchange(ref _fault, (int)fault, (int)MemifFault.None);

    /// <summary>Where bytes lie that a descriptor of the peer names; null with the fault when there are none such.</summary>
    public byte* Find(uint region, uint offset, uint length, out MemifFault fault)
    {
        if (region >= (uint)_regions.Length)
        {
            fault = MemifFault.DescriptorRegion;
            return null;
        }

        Area* area = _areas + region;
        fault = (ulong)offset + length <= area->Bytes ? MemifFault.None : MemifFault.DescriptorRange;
        return fault == MemifFault.None ? area->Memory + offset : null;
    }

    /// <summary>Worker: wakes the consumer of a ring that was just written, when it asked to be.</summary>
    public void WakeConsumer(MemifRing ring)
    {
        // What was published must be seen by a consumer that reads it after it has asked to be woken.
        Interlocked.MemoryBarrier();
        if ((ring.Flags & MemifRing.MaskInterrupt) == 0) _signal.Signal(ring.Wake.Number);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (MemifRing ring in (MemifRing[])[.. Receive, .. Transmit]) ring.Wake.Dispose();
        foreach (MemifRegion region in _regions) region.Dispose();
        _signal.Dispose();
        NativeMemory.Free(_areas);
    }

    private struct Area
    {
        public byte* Memory;
        public ulong Bytes;
    }
}
