using System.Buffers.Binary;
using System.Net;
using Gateway.Policy;
using Xunit;

namespace Gateway.Interop.Resume;

/// <summary>An ESP packet on the wire.</summary>
public sealed record EspOnWire(IPAddress From, uint Spi, uint Sequence, byte[] Ip);

/// <summary>An IKE message on the wire.</summary>
/// <param name="Spis">Both, 16 octets.</param>
public sealed record IkeOnWire(IPAddress From, Octets Spis, byte Exchange, bool FromInitiator, bool IsResponse, uint MessageId, byte[] Message);

/// <summary>ESP and IKE of an Ethernet capture, read without any of the gateway's code.</summary>
public sealed class Wire
{
    private const int PcapHeader = 24, RecordHeader = 16, Ethernet = 14, IkeHeader = 28;
    private const byte Udp = 17, EspProtocol = 50, IkeSaInit = 34, EncryptedPayload = 46, EncryptedFragment = 53;

    public List<EspOnWire> Esp { get; } = [];

    public List<IkeOnWire> Ike { get; } = [];

    /// <summary>IPv4 packets that are neither ESP nor IKE, as source and destination.</summary>
    public List<(IPAddress From, IPAddress To, byte Protocol)> Clear { get; } = [];

    public static Wire Read(string pcap)
    {
        var (wire, bytes) = (new Wire(), File.ReadAllBytes(pcap));
        for (var at = PcapHeader; at + RecordHeader <= bytes.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(at + 8));
            at += RecordHeader;
            if (at + length > bytes.Length) break;
            wire.Frame(bytes.AsSpan(at, length));
            at += length;
        }

        return wire;
    }

    /// <summary>RFC 4106 §3.1: with AES-GCM the sequence number is the nonce here, so none may come twice under one SPI (a new key has a new SPI).</summary>
    public void AssertNoSequenceTwice()
    {
        Assert.NotEmpty(Esp);
        foreach (var group in Esp.GroupBy(p => (p.From, p.Spi, p.Sequence)).Where(g => g.Count() > 1))
            Assert.Fail($"{group.Key.From} used number {group.Key.Sequence} of SPI {group.Key.Spi:x8} {group.Count()} times");
    }

    /// <summary>RFC 5282 §3.1: two different messages of one sender in one IKE SA have different IVs. A retransmission is the same message.</summary>
    public void AssertNoIvTwice()
    {
        foreach (var group in Ike.Where(m => m.Exchange != IkeSaInit && m.Message[16] is EncryptedPayload or EncryptedFragment)
            .GroupBy(m => (m.Spis, m.FromInitiator, BinaryPrimitives.ReadUInt64BigEndian(m.Message.AsSpan(IkeHeader + 4 + (m.Message[16] == EncryptedFragment ? 4 : 0))))))
            if (group.Select(m => new Octets(m.Message)).Distinct().Count() > 1)
                Assert.Fail($"IV {group.Key.Item3} of IKE SA {group.Key.Spis} was used by {(group.Key.FromInitiator ? "its initiator" : "its responder")} for several messages");
    }

    private void Frame(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < Ethernet + 20 || BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) != 0x0800) return;
        var ip = frame[Ethernet..BinaryPrimitives.ReadUInt16BigEndian(frame[(Ethernet + 2)..]).Plus(Ethernet, frame.Length)];
        var (header, protocol) = ((ip[0] & 15) * 4, ip[9]);
        var (from, to) = (new IPAddress(ip.Slice(12, 4)), new IPAddress(ip.Slice(16, 4)));
        var payload = ip[header..];
        switch (protocol)
        {
            case EspProtocol when payload.Length > 8:
                AddEsp(from, payload, ip);
                break;
            case Udp when payload.Length > 8:
                var (source, target) = (BinaryPrimitives.ReadUInt16BigEndian(payload), BinaryPrimitives.ReadUInt16BigEndian(payload[2..]));
                var content = payload[8..];
                if (source is not (500 or 4500) && target is not (500 or 4500)) Clear.Add((from, to, protocol));
                else if (source == 500 || target == 500) AddIke(from, content);
                else if (content.Length < 8) return; // a NAT keepalive
                else if (BinaryPrimitives.ReadUInt32BigEndian(content) == 0) AddIke(from, content[4..]);
                else AddEsp(from, content, ip);
                break;
            default:
                Clear.Add((from, to, protocol));
                break;
        }
    }

    private void AddEsp(IPAddress from, ReadOnlySpan<byte> esp, ReadOnlySpan<byte> ip) =>
        Esp.Add(new EspOnWire(from, BinaryPrimitives.ReadUInt32BigEndian(esp), BinaryPrimitives.ReadUInt32BigEndian(esp[4..]), ip.ToArray()));

    private void AddIke(IPAddress from, ReadOnlySpan<byte> message)
    {
        if (message.Length < IkeHeader) return;
        Ike.Add(new IkeOnWire(
            from, new Octets(message[..16]), message[18], (message[19] & 0x08) != 0, (message[19] & 0x20) != 0, BinaryPrimitives.ReadUInt32BigEndian(message[20..]), message.ToArray()));
    }
}

internal static class Lengths
{
    /// <summary>The end of an IP packet in a frame that may be padded.</summary>
    public static int Plus(this ushort length, int offset, int limit) => Math.Min(length + offset, limit);
}
