using System.Runtime.Intrinsics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// ICMPv6 errors belong to the flow whose packet they quote: Packet Too Big above all must find its sender, or the path is a black hole (RFC 4890 §4.3.1). Who is told must be the sender of the quoted packet.
/// </summary>
internal static unsafe class Ip6FlowError
{
    /// <summary>Finds the flow of an error; the packet is marked when there is one.</summary>
    public static FlowError.Result Find(ref Frame frame, FlowRules rules, PacketMeta* meta, uint index)
    {
        var chunk = frame.Chunk(index);
        var available = meta->Offset + meta->Length - meta->L4 - 8;
        if (available < Ip6Header.Length) return FlowError.Result.Unknown;
        var quoted = chunk + meta->L4 + 8;
        if (quoted[0] >> 4 != 6 || Vector128.Load(quoted + 8) != Vector128.Load(chunk + meta->L3 + 24)) return FlowError.Result.Unknown;
        if (!Ip6Extensions.TryFindLayer4(quoted, available, out var protocol, out var at)) return FlowError.Result.Unknown;
        if (Ip6FlowPacket.ReadPorts(protocol, quoted + at, available - at, quoted: true, out var ports) != FlowPacketKind.Flow) return FlowError.Result.Unknown;
        // The flow by the packet that would answer the quoted one.
        Ip6Ends ends;
        Ip6Ends.Copy(&ends, quoted + 8, reversed: true);
        var table = frame.Context.Sessions;
        var answer = table.Ip6.Key((byte*)&ends, FlowKey.Pack(ports >> 16 | ports << 16, protocol, meta->Vrf, 0));
        var workers = frame.Context.HandoffTo.Length;
        if (workers > 1 && Ip6Ends.Owner((byte*)&ends, answer, workers) is var owner && owner != frame.Context.Worker)
            return frame.Context.HandOff((uint)owner, frame.Node, index) ? FlowError.Result.HandedOver : FlowError.Result.HandoffFull;
        var found = table.Find6(answer, (byte*)&ends);
        if (found == 0 || !FlowJudge.StillHolds(frame.Tables, table, rules, found)) return FlowError.Result.Unknown;
        meta->Flags |= PacketFlags.FlowKnown;
        return FlowError.Result.Known;
    }
}
