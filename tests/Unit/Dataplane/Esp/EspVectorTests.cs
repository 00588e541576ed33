using System.Buffers.Binary;
using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>ESP packets that another implementation made: captures of strongSwan with their keys.</summary>
public sealed unsafe class EspVectorTests
{
    private sealed record Key(IPAddress Source, IPAddress Destination, uint Spi, byte[] Keymat);

    public static TheoryData<string> Captures()
    {
        var folder = Environment.GetEnvironmentVariable("GATEWAY_VECTORS");
        var captures = new TheoryData<string>();
        var traces = folder is null ? null : Path.Combine(folder, "ikev2-traces");
        if (traces is null || !Directory.Exists(traces)) captures.Add("none");
        else
            foreach (var file in Directory.GetFiles(traces, "*.pcap").Order()) captures.Add(Path.GetFileNameWithoutExtension(file));
        return captures;
    }

    [Theory]
    [MemberData(nameof(Captures))]
    public void Captured_packets_decrypt_to_valid_IP_packets(string capture)
    {
        var folder = Environment.GetEnvironmentVariable("GATEWAY_VECTORS");
        if (string.IsNullOrEmpty(folder) || capture == "none") Assert.Skip("GATEWAY_VECTORS names no folder of test vectors.");
        var traces = Path.Combine(folder!, "ikev2-traces");
        var keys = Directory.GetFiles(Path.Combine(traces, $"{capture}.keys"), "esp_sa", SearchOption.AllDirectories)
            .SelectMany(File.ReadAllLines).Where(l => l.Contains("AES-GCM", StringComparison.Ordinal)).Select(Parse).DistinctBy(k => k.Spi).ToArray();
        var packets = EspPackets(File.ReadAllBytes(Path.Combine(traces, $"{capture}.pcap"))).Where(p => keys.Any(k => k.Spi == p.Spi)).ToArray();
        if (packets.Length == 0) Assert.Skip($"{capture} holds no AES-GCM ESP packet with a key.");

        using var lab = new EspLab();
        foreach (var (i, key) in keys.Index())
        {
            var sa = new SlowEsp { Key = key.Keymat[..^4], Salt = key.Keymat[^4..], Spi = key.Spi, Source = key.Source, Destination = key.Destination, Udp = (4500, 4500) };
            var parameters = EspLab.Parameters((ulong)i + 1, sa, sa, ["0.0.0.0/0", "::/0"], ["0.0.0.0/0", "::/0"]);
            Assert.Equal(SaInstallResult.Installed, lab.Install(parameters with { InboundSpi = new Spi(key.Spi) }, sa, sa));
        }
        var seen = new HashSet<(uint, uint)>();
        ulong copies = 0;
        foreach (var (spi, sequence, packet) in packets)
        {
            var arrived = lab.Decrypt(packet);
            // The captures were taken on both sides of a router: the second sight of a packet is a replay.
            if (!seen.Add((spi, sequence)))
            {
                Assert.Empty(arrived);
                Assert.Equal(++copies, lab.Drops(Gateway.Dataplane.Nodes.NodeNames.Esp4Decrypt, "replayed"));
                continue;
            }
            Assert.True(arrived.Count == 1, lab.DropsText());
            var inner = arrived[0];
            if (inner.Bytes[0] >> 4 == 4) Assert.Equal(0, PlainIp.Sum(inner.Bytes[..20]));
            // The captures carry pings: their checksum tells that every byte is right.
            if (inner.Bytes[0] >> 4 == 4 && inner.Bytes[9] == 1) Assert.Equal(0, PlainIp.Sum(inner.Bytes[20..]));
        }
        Assert.Equal(copies, lab.AllDrops());
    }

    private static Key Parse(string line)
    {
        var fields = line.Split(',').Select(f => f.Trim('"')).ToArray();
        return new Key(IPAddress.Parse(fields[1]), IPAddress.Parse(fields[2]), Convert.ToUInt32(fields[3], 16), Convert.FromHexString(fields[5][2..]));
    }

    /// <summary>All ESP packets of a pcap, native and UDP-encapsulated, as whole IP packets.</summary>
    private static IEnumerable<(uint Spi, uint Sequence, byte[] Packet)> EspPackets(byte[] pcap)
    {
        var link = BinaryPrimitives.ReadUInt32LittleEndian(pcap.AsSpan(20));
        for (var at = 24; at + 16 <= pcap.Length;)
        {
            var length = BinaryPrimitives.ReadInt32LittleEndian(pcap.AsSpan(at + 8));
            var frame = pcap[(at + 16)..(at + 16 + length)];
            at += 16 + length;
            // Link types: Ethernet 1, raw IP 101, Linux cooked 113 and 276.
            var ip = frame[(link switch { 1 => 14, 113 => 16, 276 => 20, _ => 0 })..];
            if (ip.Length < 28 || ip[0] >> 4 != 4) continue;
            var total = BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(2));
            if (total > ip.Length) continue;
            ip = ip[..total];
            var header = (ip[0] & 15) * 4;
            var esp = ip[9] switch
            {
                50 => header,
                17 when BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(header + 2)) == 4500 || BinaryPrimitives.ReadUInt16BigEndian(ip.AsSpan(header)) == 4500 => header + 8,
                _ => -1,
            };
            if (esp < 0 || ip.Length < esp + 8) continue;
            var spi = BinaryPrimitives.ReadUInt32BigEndian(ip.AsSpan(esp));
            if (spi != 0) yield return (spi, BinaryPrimitives.ReadUInt32BigEndian(ip.AsSpan(esp + 4)), ip);
        }
    }
}
