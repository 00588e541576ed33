using Gateway.Bench.Aead;
using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;

namespace Gateway.Bench.Esp;

/// <summary>
/// ESP through the whole graph, Ethernet in to Ethernet out on in-memory ports, with policy and routes, against OpenSSL doing nothing but the AES-GCM of the same packets.
/// Sizes are of the inner IP packet. With many SAs the contender is the gateway itself with one. Making the packets, which for decapsulation is a copy of each, does not count.
/// </summary>
internal sealed class EspSuite : ISuite
{
    private static readonly int[] _sizes = [64, 512, 1400];

    public string Name => "esp";

    public void Run(Report report)
    {
        report.Note($"esp: AES-GCM path {AesGcmEngine.Path}, frames of {EspPath.Count}, on {Machine.Processor}");
        if (!OpenSslLoop.IsAvailable) report.Note("esp: contender openssl is missing: cc or libcrypto.so.3 was not found.");
        foreach (var bits in new[] { 128, 256 })
            foreach (var encrypt in new[] { true, false })
                foreach (var size in _sizes.Where(s => report.Wants($"aes{bits}gcm-{(encrypt ? "enc" : "dec")}", s)))
                    using (var path = new EspPath(bits, size, encrypt))
                        report.AddTimes(Name, $"aes{bits}gcm-{(encrypt ? "enc" : "dec")}", size, Contest.Run(path.Contenders, EspPath.Count));
        foreach (var sas in new[] { 1_000, 60_000 })
        {
            if (!report.Wants($"aes128gcm-enc-{sas}-sas", 1400)) continue;
            using var one = new ManySas(1);
            using var many = new ManySas(sas);
            report.AddTimes(Name, $"aes128gcm-enc-{sas}-sas", 1400, Contest.Run([many.Contender, one.Contender with { Name = "one-sa" }], PacketLoop.Count));
        }
    }
}
