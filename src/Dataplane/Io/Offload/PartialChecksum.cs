using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>Completes the transport checksum that a sender on this machine left to its device.</summary>
internal static unsafe class PartialChecksum
{
    /// <summary>Adds everything from the checksum's start to the frame's end to what stands in the field, in place.</summary>
    public static OffloadFault Complete(byte* frame, int length, in VnetHeader header)
    {
        int field = header.ChecksumStart + header.ChecksumOffset;
        if (header.ChecksumStart > length || field + 2 > length) return OffloadFault.Truncated;
        ushort sum = InternetChecksum.Finish(InternetChecksum.Add(0, frame + header.ChecksumStart, length - header.ChecksumStart));

        // RFC 768: a computed zero is sent as all ones, as zero means that there is no checksum. The two are equal for every other protocol.
        Unsafe.WriteUnaligned(frame + field, sum == 0 ? (ushort)0xFFFF : sum);
        return OffloadFault.None;
    }
}
