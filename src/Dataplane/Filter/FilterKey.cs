using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// What rules look at besides addresses: a word of ports (source in the high half; of ICMP the type, and the code in the low half), and this word of facts.
/// <code>
///  0              8              16  17  18  19
/// +--------------+--------------+---+---+---+---+
/// |   protocol   |  TCP flags   | P | F | L | T |
/// +--------------+--------------+---+---+---+---+
/// P: has ports (or an ICMP type); F: a fragment; L: a fragment other than the first; T: has TCP flags
/// </code>
/// </summary>
internal static unsafe class FilterKey
{
    public const int TcpFlagsShift = 8;
    public const uint ProtocolMask = 0xFF, HasPorts = 1 << 16, Fragment = 1 << 17, LaterFragment = 1 << 18, HasFlags = 1 << 19;

    /// <summary>Reads ports and facts of a packet that ip input has parsed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void ReadRest(PacketMeta* meta, byte* chunk, out uint ports, out uint facts)
    {
        facts = meta->Protocol;
        ports = 0;
        var flags = meta->Flags;
        if ((flags & PacketFlags.Fragment) != 0)
        {
            facts |= Fragment;
            if ((flags & PacketFlags.LaterFragment) != 0)
            {
                facts |= LaterFragment;
                return;
            }
        }
        var l4 = chunk + meta->L4;
        var available = meta->Offset + meta->Length - meta->L4;
        if (meta->Protocol is 6 or 17)
        {
            if (available < 4) return;
            ports = Wire.U32(l4);
            // TCP and UDP come mixed: no branch tells them apart. What is read of a short packet still lies in its chunk.
            var shows = (uint)((meta->Protocol ^ 6) - 1) >> 31 & (uint)~(available - 14) >> 31;
            facts |= HasPorts | ((HasFlags | (uint)l4[13] << TcpFlagsShift) & (0 - shows));
        }
        else if (PolicyPorts.TryRead(meta->Protocol, l4, available, out var source, out var destination))
        {
            ports = meta->Protocol is 1 or 58 ? (uint)(source >> 8) << 16 | (uint)(source & 0xFF) : (uint)source << 16 | destination;
            facts |= HasPorts;
        }
    }
}
