namespace Gateway.Dataplane.Io.Memif;

/// <summary>Why a memif connection ended or did not come about.</summary>
internal enum MemifFault
{
    None,
    PeerLeft,
    Malformed,
    Unexpected,
    Version,
    UnknownId,
    Taken,
    Mode,
    RegionRefused,
    RegionUnsealed,
    RingRefused,
    EventRefused,
    TimedOut,
    RingIndex,
    DescriptorRegion,
    DescriptorRange,
    DescriptorChain,
    NoSignals,
}

/// <summary>The words and sentences of <see cref="MemifFault"/>.</summary>
internal static class MemifFaults
{
    private static readonly (MemifFault Fault, string Word, string Sentence)[] _rows =
    [
        (MemifFault.PeerLeft, "peer-left", "The peer closed the connection."),
        (MemifFault.Malformed, "malformed-message", "The peer sent something that is no message of the protocol."),
        (MemifFault.Unexpected, "unexpected-message", "The peer sent a message that does not belong there, or one without its descriptor."),
        (MemifFault.Version, "version", "The peer does not speak version 2.0 of the protocol."),
        (MemifFault.UnknownId, "unknown-id", "The peer asked for an interface id that nobody serves on this socket."),
        (MemifFault.Taken, "taken", "The peer asked for an interface that has a peer already."),
        (MemifFault.Mode, "mode", "The peer does not want Ethernet frames."),
        (MemifFault.RegionRefused, "region-refused", "A memory region of the peer has a wrong index or is smaller than it says, or there are too many."),
        (MemifFault.RegionUnsealed, "region-unsealed", "A memory region of the peer may shrink (it is no memfd sealed with F_SEAL_SHRINK), which would end the gateway."),
        (MemifFault.RingRefused, "ring-refused", "A ring of the peer lies outside its region, is not aligned, is not marked as a ring, or has an index or size that was not offered."),
        (MemifFault.EventRefused, "event-refused", "What the peer gave to wake it by is no eventfd."),
        (MemifFault.TimedOut, "timed-out", "The peer did not finish connecting in time."),
        (MemifFault.RingIndex, "ring-index", "A head or tail of the peer passed what there is in its ring."),
        (MemifFault.DescriptorRegion, "descriptor-region", "A descriptor of the peer names a region that there is not."),
        (MemifFault.DescriptorRange, "descriptor-range", "A descriptor of the peer reaches beyond its memory."),
        (MemifFault.DescriptorChain, "descriptor-chain", "A chain of descriptors of the peer does not end."),
        (MemifFault.NoSignals, "no-signals", "The system gave no memory or no context for asynchronous I/O, so that no peer can be connected."),
    ];

    public static string Word(MemifFault fault) => Row(fault).Word;

    public static string Sentence(MemifFault fault) => Row(fault).Sentence;

    public static IEnumerable<MemifFault> All => _rows.Select(r => r.Fault);

    private static (MemifFault Fault, string Word, string Sentence) Row(MemifFault fault)
    {
        foreach (var row in _rows)
            if (row.Fault == fault) return row;
        throw new System.Diagnostics.UnreachableException();
    }
}
