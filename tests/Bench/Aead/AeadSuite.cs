using System.Security.Cryptography;
using Gateway.Bench.Harness;
using Gateway.Crypto.Aead;

namespace Gateway.Bench.Aead;

/// <summary>AES-GCM on packets, with 8 bytes of additional data and a tag of 16, against OpenSSL in C and the BCL. Sizes are of the text.</summary>
internal sealed class AeadSuite : ISuite
{
    private static readonly int[] Sizes = [64, 256, 512, 1400, 9000];

    public string Name => "aead";

    public void Run(Report report)
    {
        report.Note($"aead: path {AesGcmEngine.Path}, {AesGcmKey.Footprint} bytes a key, on {Machine.Processor}");
        if (!OpenSslLoop.IsAvailable) report.Note("aead: contender openssl is missing: cc or libcrypto.so.3 was not found.");
        foreach (var bits in new[] { 128, 256 })
            foreach (var encrypt in new[] { true, false })
                foreach (var size in Sizes.Where(s => report.Wants($"aes{bits}gcm-{(encrypt ? "enc" : "dec")}", s)))
                    using (var frame = new PacketFrame(bits, size, encrypt))
                        report.AddTimes(Name, $"aes{bits}gcm-{(encrypt ? "enc" : "dec")}", size, Contest.Run(frame.Contenders, PacketFrame.Count));

        // What the tables of many SAs cost in cache: every packet of a round belongs to another SA.
        foreach (var associations in new[] { 256, 4096 }.Where(a => report.Wants($"aes128gcm-enc-{a}sa", 1400)))
            using (var many = new ManyKeys(associations, 1400))
                report.AddTimes(Name, $"aes128gcm-enc-{associations}sa", 1400, Contest.Run(many.Contenders, associations));
    }
}

/// <summary>The same few packets for each contender. Encryption works in place; decryption from one buffer to another, so that it can be repeated.</summary>
internal sealed unsafe class PacketFrame : IDisposable
{
    internal const int Count = 16;
    private const int Tag = 16;

    private readonly AesGcmKey _key;
    private readonly AesGcm _bcl;
    private readonly OpenSslLoop? _openSsl;
    private readonly NativePackets _packets;
    private readonly bool _encrypt;
    private readonly int _size;

    internal PacketFrame(int bits, int size, bool encrypt)
    {
        Span<byte> key = stackalloc byte[bits / 8];
        RandomNumberGenerator.Fill(key);
        _key = AesGcmKey.Create(key);
        _bcl = new AesGcm(key, Tag);
        _openSsl = OpenSslLoop.IsAvailable ? new OpenSslLoop(key, encrypt) : null;
        _size = size;
        _encrypt = encrypt;
        _packets = new NativePackets(Count, size, _ => _key.Block, encrypt);
        if (!encrypt) _packets.EncryptOnce();
    }

    internal IReadOnlyList<Contender> Contenders
    {
        get
        {
            var contenders = new List<Contender> { new(Contest.Gateway, Ours), new("bcl", Bcl) };
            if (_openSsl is not null) contenders.Insert(1, new("openssl", n => _openSsl.Run(_packets.OpenSslJobs, Count, n)));
            return contenders;
        }
    }

    public void Dispose()
    {
        _packets.Dispose();
        _openSsl?.Dispose();
        _bcl.Dispose();
        _key.Dispose();
    }

    private void Ours(int times)
    {
        for (; times > 0; times--)
            if (_encrypt) AesGcmEngine.EncryptBatch(_packets.Jobs, Count);
            else if (AesGcmEngine.DecryptBatch(_packets.Jobs, Count) != 0) throw new InvalidOperationException("A packet of the benchmark was refused.");
    }

    private void Bcl(int times)
    {
        for (; times > 0; times--)
            for (var i = 0; i < Count; i++)
            {
                var job = _packets.OpenSslJobs + i;
                var nonce = new ReadOnlySpan<byte>(job->Nonce, 12);
                var aad = new ReadOnlySpan<byte>(job->Aad, job->AadLength);
                Span<byte> source = new(job->Source, _size), destination = new(job->Destination, _size), tag = new(job->Tag, Tag);
                if (_encrypt) _bcl.Encrypt(nonce, source, destination, tag, aad);
                else _bcl.Decrypt(nonce, source, tag, destination, aad);
            }
    }
}
