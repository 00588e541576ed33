using System.Buffers.Binary;
using System.Net;
using Gateway.Bench.Io;
using Gateway.Dataplane.Io;
using Gateway.Scenarios.Control;

namespace Gateway.Bench.Control;

/// <summary>Where a packet that was offered on `lan` came out.</summary>
internal enum Fate
{
    Dropped,
    Lan,
    Wan,
    Dmz,
}

/// <summary>
/// Offers one packet after the other to a gateway with three wires, each followed by one whose fate never changes: when that is back, what came before it has had its own fate. Every packet is a flow of its own.
/// </summary>
internal sealed class Probe(MemoryGateway gateway)
{
    private static readonly byte[] _lan = [2, 0, 0, 0, 1, 1], _host = [2, 0, 0, 0, 1, 2];
    private readonly byte[] _marker = UdpFrame.Make(_lan, _host, "10.1.0.2", "198.51.100.9", 60);
    private ushort _port = 1024;

    /// <summary>Interfaces, neighbors and a default route, as members of a transaction.</summary>
    internal const string Configuration = """
        "put":[
        {"kind":"interface","name":"lan","spec":{"type":"tap","mac":"02:00:00:00:01:01","mtu":1500,"addresses":["10.1.0.1/24"],"acl_in":["guard"],"acl_default":"permit"}},
        {"kind":"interface","name":"wan","spec":{"type":"tap","mac":"02:00:00:00:02:01","mtu":1500,"addresses":["198.51.100.1/24","100.64.0.1/16"]}},
        {"kind":"interface","name":"dmz","spec":{"type":"tap","mac":"02:00:00:00:03:01","mtu":1500,"addresses":["203.0.113.1/24"]}},
        {"kind":"neighbor","name":"host","spec":{"interface":"lan","address":"10.1.0.2","mac":"02:00:00:00:01:02"}},
        {"kind":"neighbor","name":"router","spec":{"interface":"wan","address":"198.51.100.2","mac":"02:00:00:00:02:02"}},
        {"kind":"neighbor","name":"marker","spec":{"interface":"wan","address":"198.51.100.9","mac":"02:00:00:00:02:02"}},
        {"kind":"neighbor","name":"server","spec":{"interface":"dmz","address":"203.0.113.2","mac":"02:00:00:00:03:02"}},
        {"kind":"acl","name":"guard","spec":{"rules":[{"action":"deny","to":["192.0.2.255"]}]}},
        {"kind":"route","name":"default","spec":{"to":"0.0.0.0/0","via":"198.51.100.2"}}]
        """;

    /// <summary>The fate of a packet to that address and port.</summary>
    internal Fate Of(string destination, ushort port = 2000, bool ping = false)
    {
        var frame = UdpFrame.Make(_lan, _host, "10.1.0.2", destination, 60);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(34), _port);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(36), port);
        if (ping) BecomePing(frame);
        _port = _port == ushort.MaxValue ? (ushort)1024 : (ushort)(_port + 1);
        var (lan, wan, dmz) = (gateway.Wire("lan"), gateway.Wire("wan"), gateway.Wire("dmz"));
        while (!lan.Offer(frame)) Thread.Yield();
        while (!lan.Offer(_marker)) Thread.Yield();
        var fate = Fate.Dropped;
        for (var spins = 0; ; spins++)
        {
            Take(lan, Fate.Lan, ref fate);
            Take(dmz, Fate.Dmz, ref fate);
            if (Take(wan, Fate.Wan, ref fate)) break;
            if (spins > 64) Thread.Yield();
        }

        Take(lan, Fate.Lan, ref fate);
        Take(dmz, Fate.Dmz, ref fate);
        return fate;
    }

    /// <summary>Takes what came out there; true when the marker was among it.</summary>
    private static bool Take(InMemoryPort port, Fate there, ref Fate fate)
    {
        var marked = false;
        while (port.CollectBytes() is { } frame)
        {
            // Announcements of addresses and the like are no answer.
            if (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(12)) != 0x0800) continue;
            if (frame.AsSpan(30, 4).SequenceEqual((ReadOnlySpan<byte>)[198, 51, 100, 9])) marked = true;
            else fate = there;
        }

        return marked;
    }

    private static void BecomePing(byte[] frame)
    {
        var ip = frame.AsSpan(14);
        ip[9] = 1;
        ip[10..12].Clear();
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], Sum(ip[..20]));
        ip[20..].Clear();
        ip[20] = 8;
        BinaryPrimitives.WriteUInt16BigEndian(ip[22..], Sum(ip[20..]));
    }

    private static ushort Sum(ReadOnlySpan<byte> bytes)
    {
        var sum = 0u;
        for (var i = 0; i < bytes.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(bytes[i..]);
        while (sum > 0xFFFF) sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }
}
