using System.Diagnostics;
using System.Globalization;
using Gateway.Host.Vici.Handlers;
using Gateway.Host.Vici.Wire;
using Xunit;

namespace Gateway.Fuzz.Vici;

/// <summary>
/// Random and damaged packets through the reading of vici: nothing throws, and what is read can be written and read again.
/// FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed class ViciParsing(ITestOutputHelper output)
{
    private static readonly ViciSection _connection = new()
    {
        {
            "lab", new ViciSection
            {
                { "version", "2" }, { "local_addrs", ["198.51.100.1"] }, { "remote_addrs", ["203.0.113.2", "%any"] }, { "proposals", ["aes128gcm16-prfsha256-x25519"] },
                { "local-1", new ViciSection { { "auth", "psk" }, { "id", "left.lab" } } },
                { "children", new ViciSection { { "net", new ViciSection { { "local_ts", ["10.1.0.0/24"] }, { "remote_ts", ["10.2.0.0/24"] } } } } },
            }
        },
    };

    [Fact]
    public void Random_octets_never_throw() => Run(random =>
    {
        var packet = new byte[random.Next(0, 200)];
        random.NextBytes(packet);
        // Element types beside short lengths make sections, lists and values of them.
        if (random.Next(3) != 0)
            for (var i = 0; i < packet.Length; i++) packet[i] = (byte)random.Next(8);
        return packet;
    });

    [Fact]
    public void Damaged_packets_never_throw() => Run(random =>
    {
        var packet = new ViciPacket(ViciPacketType.Request, "load-conn", _connection).Write()![4..];
        for (var i = random.Next(1, 6); i > 0; i--)
        {
            switch (random.Next(3))
            {
                case 0: packet[random.Next(packet.Length)] = (byte)random.Next(256); break;
                case 1: packet = packet[..random.Next(1, packet.Length + 1)]; break;
                default:
                    var at = random.Next(packet.Length);
                    packet = [.. packet[..at], .. packet[random.Next(packet.Length)..]];
                    break;
            }

            if (packet.Length == 0) packet = [0];
        }

        return packet;
    });

    private static int? Number(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var number) ? number : null;

    private void Run(Func<Random, byte[]> make)
    {
        var seed = Number("FUZZ_SEED") ?? Environment.TickCount;
        output.WriteLine($"FUZZ_SEED={seed}");
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < 1000 || clock.Elapsed < TimeSpan.FromSeconds(Number("FUZZ_SECONDS") ?? 3); i++)
        {
            var packet = make(random);
            if (!ViciPacket.TryRead(packet, out var read)) continue;
            var again = new ViciPacket(read.Type, read.Name, read.Message).Write();
            if (again is not null) Assert.True(ViciPacket.TryRead(again.AsSpan(4), out _), $"FUZZ_SEED={seed}, round {i}");
            // What can be read is also looked at as a connection.
            if (read.Message.Entries is [ViciEntry.Section section]) _ = ConnectionReading.Read(section.Name, section.Content);
        }
    }
}
