using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Lab;

/// <summary>
/// Two gateways, where Debian's strongSwan cannot be the peer: native ESP and extended sequence numbers. The wire is read by tshark and the BCL's
/// AES-GCM with the keys that the gateways logged, so that two equal mistakes do not cancel out.
/// </summary>
public sealed class GatewayMeetsGatewayTests
{
    [Fact]
    [Trait("set", "quick")]
    public void Native_esp_is_decrypted_by_an_independent_witness() => Play(new LabCase(), (left, capture) =>
    {
        var pings = Tshark.Fields(capture, left.KeyLog, "esp && icmp.type == 8", "ip.proto", "ip.src", "ip.dst", "esp.sequence");
        Assert.NotEmpty(pings);
        Assert.All(pings, p => Assert.StartsWith("50,1", p[0], StringComparison.Ordinal));
        Assert.Contains(pings, p => p[1].EndsWith(LabNet.RightHostAddress, StringComparison.Ordinal) && p[2].EndsWith(LabNet.LeftHostAddress, StringComparison.Ordinal));
        Assert.Contains(pings, p => p[1].EndsWith(LabNet.LeftHostAddress, StringComparison.Ordinal));
        Assert.NotEmpty(Tshark.Fields(capture, left.KeyLog, "isakmp.auth.data", "isakmp.auth.data"));
        Assert.Empty(Tshark.Fields(capture, null, "icmp", "ip.src"));
    });

    [Fact]
    [Trait("set", "quick")]
    public void With_extended_sequence_numbers_the_high_half_is_authenticated_but_not_sent() => Play(new LabCase { Esp = "aes128gcm16-x25519-esn" }, (left, capture) =>
    {
        var packets = EspPackets(capture);
        Assert.NotEmpty(packets);
        foreach (var packet in packets)
        {
            Assert.True(Opens(packet, left.KeyLog, extended: true), "opens with the extended sequence number");
            Assert.False(Opens(packet, left.KeyLog, extended: false), "does not open without");
        }

        Assert.NotEmpty(Tshark.Fields(capture, left.KeyLog, "esp && icmp", "esp.sequence"));
    });

    [Fact]
    public void Without_extended_sequence_numbers_only_the_low_half_is_authenticated() => Play(new LabCase { Esp = "aes256gcm16-ecp384" }, (left, capture) =>
        Assert.All(EspPackets(capture), packet => Assert.True(Opens(packet, left.KeyLog, extended: false))));

    [Fact]
    [Trait("set", "quick")]
    public void Two_workers_on_each_side_carry_the_tunnel() => Play(
        new LabCase(),
        (left, _) =>
        {
            var workers = JsonNode.Parse(left.MustCli("show", "workers", "--json"))!.AsArray();
            Assert.Equal(["running", "running"], workers.Select(w => (string?)w!["state"]));
            Assert.All(workers, w => Assert.Equal(["lan", "wan"], w!["interfaces"]!.AsArray().Select(i => (string?)i).Order()));
            Assert.Equal(1, workers.Sum(w => (int)w!["sas"]!));
        },
        box => box["dataplane"]!["workers"] = 2);

    [Fact]
    [Trait("set", "quick")]
    public void The_tunnel_stands_on_af_xdp_too() => Play(
        new LabCase(),
        (left, _) => Assert.Contains("af-xdp", left.MustCli("show", "interfaces"), StringComparison.Ordinal),
        box =>
        {
            foreach (var item in box["config"]!.AsArray().Where(i => (string?)i!["kind"] == "interface")) item!["spec"]!["type"] = "af-xdp";
        });

    private static void Play(LabCase lab, Action<GatewayProcess, string> examine, Action<JsonObject>? appliance = null)
    {
        using var net = new LabNet(leftIsBare: true, rightIsBare: true);
        using var left = new GatewayProcess(net.Left, Place.Left, lab.LeftConf(), withKeyLog: true, appliance);
        using var right = new GatewayProcess(net.Right, Place.Right, lab.RightConf(), withKeyLog: true, appliance);
        try
        {
            using var capture = new PacketCapture(net.Net, "left");
            Assert.True(right.Initiate(out var said), said);
            Netns.Await(() => left.Sas() is [{ Established: true, Children: [{ Installed: true }] }], "the left gateway has the SA too");
            Assert.True(net.Pings(), "the right host reaches the left one");
            Assert.True(net.PingsBack(), "the left host reaches the right one");
            Assert.False(Assert.Single(left.Sas()[0].Children).Encapsulated);
            capture.Stop();
            examine(left, capture.File);
        }
        catch
        {
            TestContext.Current.TestOutputHelper?.WriteLine($"--- left\n{left.Account()}\n--- right\n{right.Account()}");
            throw;
        }
    }

    /// <summary>The ESP packets of the capture, from the SPI on.</summary>
    private static IReadOnlyList<byte[]> EspPackets(string capture) =>
        [.. Tshark.Raw(capture, "ip.proto == 50").Select(frame => frame[(14 + ((frame[14] & 15) * 4))..])];

    /// <summary>RFC 4106 §3–5 with the BCL: salt and IV make the nonce; SPI and sequence number are the additional data, with ESN the whole 64 bits.</summary>
    private static bool Opens(byte[] packet, string keys, bool extended)
    {
        var spi = "0x" + Convert.ToHexStringLower(packet.AsSpan(0, 4));
        var row = File.ReadLines(Path.Combine(keys, "esp_sa")).Select(l => l.Split("\",\"")).Last(l => l[3].Equals(spi, StringComparison.OrdinalIgnoreCase));
        var material = Convert.FromHexString(row[5].AsSpan(2));
        Span<byte> nonce = [.. material.AsSpan(material.Length - 4), .. packet.AsSpan(8, 8)];
        Span<byte> sequence = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(sequence, uint.Parse(Convert.ToHexString(packet.AsSpan(4, 4)), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
        Span<byte> additional = extended ? [.. packet.AsSpan(0, 4), .. sequence] : [.. packet.AsSpan(0, 8)];
        using var gcm = new AesGcm(material.AsSpan(0, material.Length - 4), 16);
        try
        {
            gcm.Decrypt(nonce, packet.AsSpan(16, packet.Length - 32), packet.AsSpan(packet.Length - 16), new byte[packet.Length - 32], additional);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }
}
