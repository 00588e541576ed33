using System.Security.Cryptography;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Interop;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed unsafe class AesGcmTests
{
    /// <summary>
    /// What this processor can run; where it has wide registers without the wide multiplier, that path runs on products of 128 bits. The path for ARM runs
    /// everywhere on arithmetic in place of its instructions.
    /// </summary>
    internal static IEnumerable<AesGcmPath> Tested { get; } =
    [
        .. AesGcmEngine.Paths.Where(p => p.IsSupported),
        .. WideGroupLoop<NarrowMultiplier>.IsSupported ? new[] { AesGcmEngine.Kernel<WideGroupLoop<NarrowMultiplier>, X86CipherUnit>("avx512 on narrow products", true) } : [],
        AesGcmEngine.Kernel<NarrowGroupLoop<ArmCipherUnit<ArithmeticArmCrypto>>, ArmCipherUnit<ArithmeticArmCrypto>>("arm64 on arithmetic", true),
    ];

    public static TheoryData<string, int> PathsAndKeys
    {
        get
        {
            var data = new TheoryData<string, int>();
            foreach (var path in Tested)
                foreach (var bits in new[] { 128, 192, 256 })
                    data.Add(path.Name, bits);
            return data;
        }
    }

    public static TheoryData<string> Paths => [.. Tested.Select(p => p.Name)];

    [Theory, MemberData(nameof(PathsAndKeys))]
    public void Every_length_agrees_with_the_bcl(string path, int keyBits)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var twin = new Twin(path, keyBits, random);
        for (var length = 0; length <= 2048; length++)
            twin.Check(length, aadLength: length % 2 == 0 ? 8 : 12, inPlace: length % 4 < 2, atEnd: length % 8 < 4, $"seed {seed}");
        for (var length = 0; length <= 300; length++)
            foreach (var aad in new[] { 8, 12 })
                foreach (var inPlace in new[] { false, true })
                    twin.Check(length, aad, inPlace, atEnd: true, $"seed {seed}");
    }

    [Theory, MemberData(nameof(PathsAndKeys))]
    public void Random_lengths_up_to_a_jumbo_frame_agree_with_the_bcl(string path, int keyBits)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var twin = new Twin(path, keyBits, random);
        for (var i = 0; i < 400; i++)
            twin.Check(random.Next(2048, 9201), i % 2 == 0 ? 8 : 12, inPlace: random.Next(2) == 0, atEnd: random.Next(2) == 0, $"seed {seed} round {i}");
        for (var i = 0; i < 20; i++)
            twin.Check(random.Next(9200, 70000), 8, inPlace: random.Next(2) == 0, atEnd: true, $"seed {seed} round {i}");
    }

    [Theory, MemberData(nameof(Paths))]
    public void Additional_data_of_every_length_agrees_with_the_bcl(string path)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var twin = new Twin(path, 128, random);
        for (var aad = 0; aad <= 300; aad++)
            foreach (var length in new[] { 0, 5, 64, 128, 500, 1400, 2100 })
                twin.Check(length, aad, inPlace: true, atEnd: aad % 2 == 0, $"seed {seed}");
    }

    [Theory, MemberData(nameof(PathsAndKeys))]
    public void A_changed_bit_anywhere_is_refused_and_leaves_no_plaintext(string path, int keyBits)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var twin = new Twin(path, keyBits, random);
        foreach (var length in new[] { 1, 15, 16, 64, 100, 127, 128, 129, 256, 400, 1400 })
            for (var i = 0; i < 40; i++)
                twin.CheckForgery(length, random.Next(2) == 0 ? 8 : 12, inPlace: i % 2 == 0, $"seed {seed}");
    }

    [Theory, MemberData(nameof(Paths))]
    public void Published_vectors_hold(string path)
    {
        var implementation = Path(path);
        var checks = 0;
        foreach (var group in Vectors.Load("wycheproof/aes_gcm_test.json").GetProperty("testGroups").EnumerateArray())
        {
            // RFC 4106 knows only this nonce; the file's other lengths are another function.
            if (group.GetProperty("ivSize").GetInt32() != 96 || group.GetProperty("tagSize").GetInt32() != 128) continue;
            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                var about = $"{test.GetProperty("tcId")} {test.Text("comment")}";
                byte[] iv = test.Bytes("iv"), aad = test.Bytes("aad"), text = test.Bytes("msg"), cipher = test.Bytes("ct"), tag = test.Bytes("tag");
                var valid = test.Text("result") == "valid";
                using var key = AesGcmKey.Create(test.Bytes("key"), implementation);
                byte[] sealedText = new byte[text.Length], opened = new byte[cipher.Length], madeTag = new byte[16];
                fixed (byte* n = iv, a = aad, t = text, s = sealedText, m = madeTag, c = cipher, o = opened, g = tag)
                {
                    implementation.Encrypt(key.Block, n, a, aad.Length, t, s, text.Length, m, 16);
                    Assert.Equal(valid, cipher.AsSpan().SequenceEqual(sealedText) && tag.AsSpan().SequenceEqual(madeTag));
                    Assert.True(valid == implementation.Decrypt(key.Block, n, a, aad.Length, c, o, cipher.Length, g, 16), about);
                    Assert.Equal(valid ? text : new byte[text.Length], opened);
                }
                checks++;
            }
        }
        Assert.True(checks > 100);
    }

    [Theory, MemberData(nameof(Paths))]
    public void A_batch_does_to_each_packet_what_a_single_call_does(string path)
    {
        var implementation = Path(path);
        var seed = Environment.TickCount;
        var random = new Random(seed);
        const int count = 37, room = 2048;
        var memory = LockedMemory.Allocate(3 * count * room);
        var jobs = stackalloc AeadJob[count];
        var keys = Enumerable.Range(0, 3).Select(i => AesGcmKey.Create(Bytes(random, 16 + 8 * i), implementation)).ToArray();
        var expected = new byte[count][];
        for (var i = 0; i < count; i++)
        {
            var text = memory + 2 * i * room;
            var length = random.Next(0, room - 16);
            random.NextBytes(new Span<byte>(text, room));
            jobs[i] = new AeadJob
            {
                Key = keys[i % 3].Block,
                Source = text,
                Destination = i % 2 == 0 ? text : text + room,
                Length = length,
                AadLength = i % 4 < 2 ? 8 : 12,
                TagLength = 8 + 4 * (i % 3),
                Salt = (uint)random.Next(),
                Iv = (ulong)random.NextInt64(),
            };
            jobs[i].Tag = jobs[i].Destination + length;
            random.NextBytes(new Span<byte>(jobs[i].InlineAad, 12));
            expected[i] = new Span<byte>(text, length).ToArray();
        }
        AesGcmEngine.EncryptBatch(implementation, jobs, count);
        for (var i = 0; i < count; i++)
        {
            Assert.Equal(AeadStatus.Done, jobs[i].Status);
            jobs[i].Source = jobs[i].Destination;
        }
        jobs[5].Salt++;
        jobs[9].InlineAad[11] ^= 1;
        jobs[9].AadLength = 12;
        Assert.Equal(2, AesGcmEngine.DecryptBatch(implementation, jobs, count));
        for (var i = 0; i < count; i++)
        {
            var forged = i is 5 or 9;
            Assert.Equal(forged ? AeadStatus.Forged : AeadStatus.Done, jobs[i].Status);
            Assert.True(new Span<byte>(jobs[i].Destination, jobs[i].Length).SequenceEqual(forged ? new byte[expected[i].Length] : expected[i]), $"seed {seed} packet {i}");
        }
        Array.ForEach(keys, k => k.Dispose());
        LockedMemory.Free(memory, 3 * count * room);
    }

    [Theory, MemberData(nameof(Paths))]
    public void A_frame_of_packets_allocates_nothing(string path)
    {
        var implementation = Path(path);
        using var key = AesGcmKey.Create(new byte[16], implementation);
        var memory = stackalloc byte[2048];
        var jobs = stackalloc AeadJob[4];
        for (var i = 0; i < 4; i++)
            jobs[i] = new AeadJob { Key = key.Block, Source = memory, Destination = memory, Tag = memory + 1500, Length = 64 + i, AadLength = 8, TagLength = 16 };
        AesGcmEngine.EncryptBatch(implementation, jobs, 4);
        AesGcmEngine.DecryptBatch(implementation, jobs, 4);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 100; i++)
        {
            AesGcmEngine.EncryptBatch(implementation, jobs, 4);
            AesGcmEngine.DecryptBatch(implementation, jobs, 4);
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_key_prints_nothing_and_ends_with_its_disposal()
    {
        foreach (var path in Tested)
        {
            var key = AesGcmKey.Create(new byte[32], path);
            Assert.Equal("***", key.ToString());
            key.Dispose();
            key.Dispose();
            Assert.Throws<ObjectDisposedException>(() => (nint)key.Block);
        }
    }

    [Fact]
    public void The_footprint_of_a_key_and_the_shape_of_a_job_are_what_their_tables_assume()
    {
        Assert.Equal(AesGcmKey.Footprint, sizeof(AesGcmKeyBlock));
        Assert.Equal(0, AesGcmKey.Footprint % 64);
        Assert.True(sizeof(AeadJob) <= 88);
    }

    [Fact]
    public void A_path_that_cannot_run_is_refused_by_name()
    {
        Assert.Equal("portable", AesGcmEngine.Choose("portable").Name);
        var error = Assert.Throws<NotSupportedException>(() => AesGcmEngine.Choose("abacus"));
        Assert.Contains("abacus", error.Message, StringComparison.Ordinal);
    }

    internal static AesGcmPath Path(string name) => Tested.First(p => p.Name == name);

    private static byte[] Bytes(Random random, int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    /// <summary>The kernel under test beside the BCL's slow and obvious one, with buffers against forbidden pages.</summary>
    private sealed class Twin : IDisposable
    {
        private readonly AesGcmPath _path;
        private readonly Random _random;
        private readonly AesGcmKey _key;
        private readonly AesGcm _bcl;
        private readonly GuardedBuffer _source = new(70000), _destination = new(70000), _aad = new(400), _tag = new(16);

        internal Twin(string path, int keyBits, Random random)
        {
            _path = Path(path);
            _random = random;
            var key = Bytes(random, keyBits / 8);
            _key = AesGcmKey.Create(key, _path);
            _bcl = new AesGcm(key, 16);
        }

        internal void Check(int length, int aadLength, bool inPlace, bool atEnd, string seed)
        {
            var about = $"{_path.Name} {length} bytes, {aadLength} additional, {(inPlace ? "in place" : "out of place")}, {seed}";
            byte[] nonce = Bytes(_random, 12), text = Bytes(_random, length), aad = Bytes(_random, aadLength);
            byte[] expected = new byte[length], expectedTag = new byte[16];
            _bcl.Encrypt(nonce, text, expected, expectedTag, aad);
            var tagLength = 8 + 4 * _random.Next(3);

            var source = _source.Place(length, atEnd);
            var destination = inPlace ? source : _destination.Place(length, atEnd);
            var into = inPlace ? _source : _destination;
            var additional = _aad.Place(aadLength, atEnd);
            var tag = _tag.Place(tagLength, atEnd);
            text.CopyTo(_source.Span);
            aad.CopyTo(_aad.Span);
            fixed (byte* n = nonce)
            {
                _path.Encrypt(_key.Block, n, additional, aadLength, source, destination, length, tag, tagLength);
                Assert.True(into.Span.SequenceEqual(expected), "text: " + about);
                Assert.True(_tag.Span.SequenceEqual(expectedTag.AsSpan(0, tagLength)), "tag: " + about);
                Assert.True(inPlace || _source.Span.SequenceEqual(text), "source changed: " + about);
                Assert.True(_source.CanariesLive && (inPlace || _destination.CanariesLive) && _tag.CanariesLive && _aad.CanariesLive, "canary: " + about);

                // And back, in the same manner.
                if (!inPlace) expected.CopyTo(_source.Span);
                Assert.True(_path.Decrypt(_key.Block, n, additional, aadLength, source, destination, length, tag, tagLength), "refused: " + about);
                Assert.True(into.Span.SequenceEqual(text), "decrypted: " + about);
                Assert.True(_source.CanariesLive && (inPlace || _destination.CanariesLive) && _tag.CanariesLive, "canary: " + about);
            }
        }

        internal void CheckForgery(int length, int aadLength, bool inPlace, string seed)
        {
            byte[] nonce = Bytes(_random, 12), aad = Bytes(_random, aadLength), text = Bytes(_random, length), cipher = new byte[length], tag = new byte[16];
            var tagLength = 8 + 4 * _random.Next(3);
            _bcl.Encrypt(nonce, text, cipher, tag, aad);
            var where = _random.Next(4);
            var changed = where switch { 0 => nonce, 1 => aad, 2 => cipher, _ => tag };
            changed[_random.Next(where == 3 ? tagLength : changed.Length)] ^= (byte)(1 << _random.Next(8));
            var source = _source.Place(length, true);
            var destination = inPlace ? source : _destination.Place(length, true);
            cipher.CopyTo(_source.Span);
            fixed (byte* n = nonce, a = aad, t = tag)
                Assert.False(_path.Decrypt(_key.Block, n, a, aadLength, source, destination, length, t, tagLength), $"{_path.Name} {length} bytes, part {where}, {seed}");
            Assert.False((inPlace ? _source : _destination).Span.ContainsAnyExcept((byte)0), $"{_path.Name} {length} bytes, {seed}");
            Assert.True(_source.CanariesLive && (inPlace || _destination.CanariesLive));
        }

        public void Dispose()
        {
            _key.Dispose();
            _bcl.Dispose();
            _source.Dispose();
            _destination.Dispose();
            _aad.Dispose();
            _tag.Dispose();
        }
    }
}
