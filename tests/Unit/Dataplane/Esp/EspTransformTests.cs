using System.Buffers.Binary;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.Packet;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>ESP with every transform that libcrypto runs, against a slow twin on the base library.</summary>
public sealed class EspTransformTests : IDisposable
{
    private const byte Ip4 = 4;

    private readonly EspLab _lab = new();
    private readonly int _seed = Random.Shared.Next();
    private readonly Random _random;

    public EspTransformTests() => _random = new Random(_seed);

    public void Dispose()
    {
        Assert.Equal(_lab.Pool.Capacity, _lab.Pool.Available);
        _lab.Dispose();
    }

    public static TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm, bool> All()
    {
        var data = new TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm, bool>();
        foreach (var esn in (bool[])[false, true])
        {
            foreach (var bits in (int[])[128, 192, 256])
            {
                foreach (var ccm in (EncryptionAlgorithm[])[EncryptionAlgorithm.AesCcm8, EncryptionAlgorithm.AesCcm12, EncryptionAlgorithm.AesCcm16])
                    data.Add(ccm, bits, IntegrityAlgorithm.None, esn);
                data.Add(EncryptionAlgorithm.AesCbc, bits, IntegrityAlgorithm.HmacSha2_256_128, esn);
                data.Add(EncryptionAlgorithm.AesCtr, bits, IntegrityAlgorithm.HmacSha2_256_128, esn);
            }
            data.Add(EncryptionAlgorithm.ChaCha20Poly1305, 0, IntegrityAlgorithm.None, esn);
            data.Add(EncryptionAlgorithm.TripleDesCbc, 0, IntegrityAlgorithm.HmacSha1_96, esn);
            foreach (var check in IntegrityChecks.Supported)
            {
                data.Add(EncryptionAlgorithm.Null, 0, check.Algorithm, esn);
                data.Add(EncryptionAlgorithm.AesCbc, 256, check.Algorithm, esn);
            }
        }
        return data;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void Packets_of_every_length_cross_and_tampered_ones_do_not(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity, bool esn)
    {
        var (twin, back) = Up(encryption, bits, integrity, esn);
        ulong sequence = 0;
        for (var length = 28; length < 1300; length += length < 80 ? 1 : _random.Next(1, 200))
        {
            sequence++;
            var inner = Packet(EspLab.Lan4, EspLab.Far4, length);
            var outer = Assert.Single(_lab.Send(inner)).Bytes;
            var esp = outer[20..];
            Assert.Equal((uint)sequence, BinaryPrimitives.ReadUInt32BigEndian(esp.AsSpan(4)));
            var text = twin.Unseal(esp, sequence);
            Assert.True(twin.Pad(inner, Ip4).SequenceEqual(text), $"seed {_seed}, length {length}");

            var reply = Packet(EspLab.Far4, EspLab.Lan4, length);
            var closed = Outer(back.Seal(back.Pad(reply, Ip4), sequence));
            var damaged = (byte[])closed.Clone();
            damaged[_random.Next(28, damaged.Length)] ^= (byte)(1 << _random.Next(8));
            Assert.Empty(_lab.Decrypt(damaged));
            Assert.Equal(sequence, _lab.Control.Sa(new ChildSaId(1))!.Forged);
            Assert.True(reply.SequenceEqual(Assert.Single(_lab.Decrypt(closed)).Bytes), $"seed {_seed}, length {length}");
            Assert.Empty(_lab.Decrypt(closed));
        }
        Assert.Equal(sequence, _lab.Control.Sa(new ChildSaId(1))!.Replayed);
    }

    [Theory]
    [InlineData(EncryptionAlgorithm.AesCbc, 128, IntegrityAlgorithm.HmacSha2_256_128)]
    [InlineData(EncryptionAlgorithm.TripleDesCbc, 0, IntegrityAlgorithm.HmacSha1_96)]
    public void Initialization_vectors_of_block_ciphers_do_not_repeat_and_do_not_count(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        Up(encryption, bits, integrity, esn: false);
        var seen = new HashSet<ulong>();
        var before = 0UL;
        for (var i = 0; i < 500; i++)
        {
            var iv = BinaryPrimitives.ReadUInt64BigEndian(Assert.Single(_lab.Send(Packet(EspLab.Lan4, EspLab.Far4, 100))).Bytes.AsSpan(28));
            Assert.True(seen.Add(iv), $"packet {i}");
            Assert.True(iv - before > 1_000_000, $"packet {i} counts");
            before = iv;
        }
    }

    [Theory]
    [InlineData(EncryptionAlgorithm.AesCbc, 128, IntegrityAlgorithm.None)]
    [InlineData(EncryptionAlgorithm.Null, 0, IntegrityAlgorithm.None)]
    [InlineData(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.HmacSha2_256_128)]
    [InlineData(EncryptionAlgorithm.ChaCha20Poly1305, 128, IntegrityAlgorithm.None)]
    [InlineData(EncryptionAlgorithm.AesCbc, 100, IntegrityAlgorithm.HmacSha2_256_128)]
    [InlineData(EncryptionAlgorithm.CamelliaCbc, 128, IntegrityAlgorithm.HmacSha2_256_128)]
    public void A_cipher_without_the_integrity_it_needs_or_with_one_that_it_must_not_have_is_refused(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        Assert.False(PacketCipherDescription.TryFind(encryption, bits, integrity, out _));
        var (outbound, inbound) = EspLab.Pair(_random);
        var parameters = EspLab.Parameters(1, outbound, inbound) with { Transforms = new EspTransforms((ushort)encryption, (ushort)bits, (ushort)integrity) };
        Assert.Equal(SaInstallResult.UnsupportedTransform, _lab.Control.InstallSa(new SaInstall { Parameters = parameters, InboundKey = [], OutboundKey = [] }));
    }

    private (SlowCipher Out, SlowCipher In) Up(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity, bool esn)
    {
        Assert.True(PacketCipherDescription.TryFind(encryption, bits, integrity, out var transform));
        var (outbound, inbound) = EspLab.Pair(_random, esn: esn);
        var (outKey, inKey) = (new byte[transform.KeyMaterialLength], new byte[transform.KeyMaterialLength]);
        _random.NextBytes(outKey);
        _random.NextBytes(inKey);
        var parameters = EspLab.Parameters(1, outbound, inbound) with { Transforms = new EspTransforms((ushort)encryption, (ushort)bits, (ushort)integrity) };
        Assert.Equal(SaInstallResult.Installed, _lab.Control.InstallSa(new SaInstall { Parameters = parameters, InboundKey = inKey, OutboundKey = outKey }));
        return (new SlowCipher(transform, outKey, outbound.Spi, esn), new SlowCipher(transform, inKey, inbound.Spi, esn));
    }

    private byte[] Packet(System.Net.IPAddress from, System.Net.IPAddress to, int length) => PlainIp.Ip4(from, to, 17, PlainIp.Udp(1000, 2000, length - 28, _random.Next()));

    private static byte[] Outer(byte[] esp) => PlainIp.Ip4(EspLab.There4, EspLab.Here4, 50, esp);
}
