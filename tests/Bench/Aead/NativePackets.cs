using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Crypto.Aead;

namespace Gateway.Bench.Aead;

/// <summary>Gives the key of packet i.</summary>
internal unsafe delegate AesGcmKeyBlock* KeyOf(int packet);

/// <summary>Packets in native memory, described once for the gateway and once for the C loop.</summary>
internal sealed unsafe class NativePackets : IDisposable
{
    private readonly byte* _memory;
    private readonly int _count;

    internal NativePackets(int count, int size, KeyOf keyOf, bool inPlace)
    {
        // An odd number of cache lines apart, so that the packets do not fall into the same sets.
        var room = ((size + 16 + 63) / 64 | 1) * 64;
        _count = count;
        _memory = (byte*)NativeMemory.AlignedAlloc((nuint)(2 * count * room), 64);
        Jobs = (AeadJob*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(AeadJob)), 64);
        OpenSslJobs = (OpenSslLoop.Job*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(OpenSslLoop.Job)), 64);
        RandomNumberGenerator.Fill(new Span<byte>(_memory, 2 * count * room));
        for (var i = 0; i < count; i++)
        {
            var source = _memory + 2 * i * room;
            var destination = inPlace ? source : source + room;
            Jobs[i] = new AeadJob { Key = keyOf(i), Source = source, Destination = destination, Tag = source + size, Length = size, AadLength = 8, TagLength = 16, Salt = 0x11223344, Iv = (ulong)i };
            OpenSslJobs[i] = new OpenSslLoop.Job { Source = source, Destination = destination, Tag = source + size, Length = size, AadLength = 8 };
            RandomNumberGenerator.Fill(new Span<byte>(Jobs[i].InlineAad, 8));
            new Span<byte>(Jobs[i].InlineAad, 8).CopyTo(new Span<byte>(OpenSslJobs[i].Aad, 8));
            *(uint*)OpenSslJobs[i].Nonce = Jobs[i].Salt;
            *(ulong*)(OpenSslJobs[i].Nonce + 4) = Jobs[i].Iv;
        }
    }

    internal AeadJob* Jobs { get; }

    internal OpenSslLoop.Job* OpenSslJobs { get; }

    /// <summary>Turns the sources into ciphertext with valid tags.</summary>
    internal void EncryptOnce()
    {
        for (var i = 0; i < _count; i++)
        {
            var job = Jobs[i];
            job.Destination = job.Source;
            AesGcmEngine.EncryptBatch(&job, 1);
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_memory);
        NativeMemory.AlignedFree(Jobs);
        NativeMemory.AlignedFree(OpenSslJobs);
    }
}

/// <summary>One packet buffer for each of many SAs, each with its own key; the contender has a context for each too.</summary>
internal sealed unsafe class ManyKeys : IDisposable
{
    private readonly AesGcmKey[] _keys;
    private readonly OpenSslLoop[] _contexts;
    private readonly NativePackets _packets;
    private readonly int _count;

    internal ManyKeys(int count, int size)
    {
        _count = count;
        _keys = new AesGcmKey[count];
        _contexts = new OpenSslLoop[OpenSslLoop.IsAvailable ? count : 0];
        Span<byte> key = stackalloc byte[16];
        for (var i = 0; i < count; i++)
        {
            RandomNumberGenerator.Fill(key);
            _keys[i] = AesGcmKey.Create(key);
            if (_contexts.Length > 0) _contexts[i] = new OpenSslLoop(key, encrypt: true);
        }
        // Few packets, many keys: what is measured is the cache that keys need, not the packets.
        _packets = new NativePackets(PacketFrame.Count, size, i => _keys[i].Block, inPlace: true);
    }

    internal IReadOnlyList<Harness.Contender> Contenders =>
        _contexts.Length == 0
            ? [new(Harness.Contest.Gateway, Ours)]
            : [new(Harness.Contest.Gateway, Ours), new("openssl", OpenSsl)];

    public void Dispose()
    {
        _packets.Dispose();
        Array.ForEach(_keys, k => k.Dispose());
        Array.ForEach(_contexts, c => c.Dispose());
    }

    private void Ours(int times)
    {
        for (; times > 0; times--)
            for (var k = 0; k < _count; k += PacketFrame.Count)
            {
                for (var i = 0; i < PacketFrame.Count; i++) _packets.Jobs[i].Key = _keys[k + i].Block;
                AesGcmEngine.EncryptBatch(_packets.Jobs, PacketFrame.Count);
            }
    }

    private void OpenSsl(int times)
    {
        for (; times > 0; times--)
            for (var k = 0; k < _count; k++)
                _contexts[k].Run(_packets.OpenSslJobs + k % PacketFrame.Count, 1, 1);
    }
}
