using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Flow;

/// <summary>ICMP errors belong to the flow whose packet they quote (RFC 5508 §4): the quoted packet becomes what its sender sent, and the error goes to that sender.</summary>
internal static unsafe class FlowError
{
    internal enum Result
    {
        /// <summary>No flow has sent such a packet.</summary>
        Unknown,

        /// <summary>Of a flow that is not translated.</summary>
        Known,
        Translated,
        BadChecksum,
        HandedOver,
        HandoffFull,
    }

    public static Result Translate(ref Frame frame, FlowRules rules, PacketMeta* meta, uint index)
    {
        var chunk = frame.Chunk(index);
        var ip = chunk + meta->L3;
        var icmp = chunk + meta->L4;
        var available = meta->Offset + meta->Length - meta->L4;
        if (available < 8 + Ip4Input.MinHeader) return Result.Unknown;
        var quoted = icmp + 8;
        var header = (quoted[0] & 15) * 4;
        if (quoted[0] >> 4 != 4 || header < Ip4Input.MinHeader || available < 8 + header + 8) return Result.Unknown;
        // A later fragment shows no ports.
        if ((Wire.U16(quoted + 6) & 0x1FFF) != 0) return Result.Unknown;
        var l4 = quoted + header;
        var left = available - 8 - header;
        if (FlowPacket.Read(quoted, quoted[9], l4, left, meta->Vrf, quoted: true, out var sent) != FlowPacketKind.Flow) return Result.Unknown;
        // The flow by the packet that would answer the quoted one.
        var answer = sent.Reverse;
        var workers = frame.Context.HandoffTo.Length;
        if (workers > 1 && rules.Nat.Owner(answer, workers) is var owner && owner != frame.Context.Worker)
            return frame.Context.HandOff((uint)owner, frame.Node, index) ? Result.HandedOver : Result.HandoffFull;
        var table = frame.Context.Sessions;
        var found = table.Find(answer);
        if (found == 0) return Result.Unknown;
        var session = table[found];
        meta->Flags |= PacketFlags.FlowKnown;
        if (session->CrossesVrfs) meta->Vrf = (found & SessionTable.ReplyBit) != 0 ? session->Forward.Vrf : session->Reply.Vrf;
        if ((session->Flags & SessionFlags.Translated) == 0) return Result.Known;
        // RFC 5508 §4.1: a NAT validates the checksum of an error before it mends it.
        var length = (int)meta->TotalLength - (meta->L4 - meta->Offset);
        if (Checksum.Fold(Checksum.AddPacket(0, frame.Pool, index, meta->L4 - meta->Offset, length)) != 0) return Result.BadChecksum;

        var toOriginator = (found & SessionTable.ReplyBit) != 0;
        var original = toOriginator ? session->Forward : session->Reply;
        FlowPacket.Translate(quoted, l4, left, sent, original);
        Unsafe.WriteUnaligned(icmp + 2, (ushort)0);
        Unsafe.WriteUnaligned(icmp + 2, Checksum.Fold(Checksum.AddPacket(0, frame.Pool, index, meta->L4 - meta->Offset, length)));

        // The end itself speaks as whom the sender knows it; of what lies before it, inside addresses are not shown (RFC 5508 §4.2, REQ-4).
        var from = Unsafe.ReadUnaligned<uint>(ip + 12);
        if (from == (uint)answer.Addresses) from = (uint)(original.Addresses >> 32);
        else if (!toOriginator && (uint)session->Forward.Addresses != (uint)(session->Reply.Addresses >> 32)) from = (uint)(original.Addresses >> 32);
        var addresses = from | (ulong)(uint)original.Addresses << 32;
        FlowPacket.Adjust(ip + 10, FlowPacket.Difference(Unsafe.ReadUnaligned<ulong>(ip + 12), addresses));
        Unsafe.WriteUnaligned(ip + 12, addresses);
        return Result.Translated;
    }

    /// <summary>Undoes the translation of a packet that ends here, so that the error about it reaches and tells its sender.</summary>
    public static void Undo(ref Frame frame, PacketMeta* meta, uint index)
    {
        var chunk = frame.Chunk(index);
        if (FlowPacket.Read(meta, chunk, out var key, out _) != FlowPacketKind.Flow) return;
        var table = frame.Context.Sessions;
        var found = table.Find(key.Reverse);
        // A flow that leaves its VRF is answered in the one that it leaves into.
        if (found == 0) found = table.Find(key.Reverse.WithVrf(frame.Tables.Interfaces[meta->TxInterface]->Vrf));
        if (found == 0) return;
        var session = table[found];
        if ((session->Flags & SessionFlags.Translated) == 0) return;
        var original = (found & SessionTable.ReplyBit) != 0 ? session->Forward : session->Reply;
        // The error goes to the sender.
        meta->Vrf = original.Vrf;
        FlowPacket.Translate(chunk + meta->L3, chunk + meta->L4, meta->Offset + meta->Length - meta->L4, key, original);
    }
}

/// <summary>Where a translated packet of a new flow was going, in Opaque0 until its flow begins: place of the rule, port and address; 0 none.</summary>
internal static class NatOrigin
{
    public static ulong Pack(uint rule, ushort port, uint address) => (ulong)(rule & 0xFFFF) << 48 | (ulong)port << 32 | address;

    /// <summary>The place of the rule in the program (<see cref="NatProgram.RuleAt"/>).</summary>
    public static uint Rule(ulong origin) => (uint)(origin >> 48);

    public static ushort Port(ulong origin) => (ushort)(origin >> 32);

    public static uint Address(ulong origin) => (uint)origin;
}
