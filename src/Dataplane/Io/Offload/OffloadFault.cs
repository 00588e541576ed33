namespace Gateway.Dataplane.Io.Offload;

/// <summary>Why a frame that came with work left undone could not be completed.</summary>
internal enum OffloadFault
{
    None,

    /// <summary>The frame ends before the headers or the place of the checksum that it speaks of.</summary>
    Truncated,

    /// <summary>The super-packet is of a kind that is not segmented here (IPv4 UDP fragmentation, or an unknown number).</summary>
    UnknownKind,

    /// <summary>The super-packet's headers are not those that its kind promises.</summary>
    HeadersDisagree,

    /// <summary>The segment size is zero, or so small that one frame would become thousands.</summary>
    SegmentSize,
}
