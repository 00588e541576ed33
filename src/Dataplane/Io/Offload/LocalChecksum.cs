using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>
/// Completes the checksums that a sender on this machine left to its device, where nothing beside the frame tells of it: AF_XDP on a veth. Such a field holds the sum of the pseudo header, not
/// complemented. A finished checksum with that very value stays the same when it is made once more; only of damaged packets one in 65,536 passes for whole, as one in 65,536 does anyway.
/// </summary>
internal static unsafe class LocalChecksum
{
    public static void Complete(byte* frame, int length)
    {
        // Fragments are never left open, and the layout is not read of them.
        if (!FrameLayout.TryRead(frame, length, out FrameLayout layout)) return;
        int field = layout.Protocol switch { FrameLayout.Tcp => 16, FrameLayout.Udp => 6, _ => 0 };
        if (field == 0) return;

        // The payload ends with the IP packet; behind it there may be padding of the frame.
        int end = layout.L3 + (layout.IsIpv6 ? 40 + Be16(frame + layout.L3 + 4) : Be16(frame + layout.L3 + 2));
        if (end > length || end < layout.L4 + field + 2) return;
        ulong pseudo = layout.IsIpv6 ? InternetChecksum.Add(0, frame + layout.L3 + 8, 32) : InternetChecksum.Add(0, frame + layout.L3 + 12, 8);
        pseudo = InternetChecksum.AddNetwork(pseudo, layout.Protocol);
        pseudo = InternetChecksum.AddNetwork(pseudo, (ushort)(end - layout.L4));
        ushort open = (ushort)~InternetChecksum.Finish(pseudo);
        if (Unsafe.ReadUnaligned<ushort>(frame + layout.L4 + field) != open) return;
        PartialChecksum.Complete(frame, end, new VnetHeader { Flags = VnetFlags.NeedsChecksum, ChecksumStart = (ushort)layout.L4, ChecksumOffset = (ushort)field });
    }

    private static ushort Be16(byte* at) => BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(at, 2));
}
