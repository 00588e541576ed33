using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES-GCM for packets (NIST SP 800-38D, RFC 4106, RFC 5282) on prepared keys. The path is chosen once, at start, by what the processor has;
/// the environment variable <c>GATEWAY_AEAD</c> (<c>portable</c>, <c>arm64</c>, <c>aesni</c>, <c>avx512</c>) chooses another one that it can run.
/// </summary>
public static unsafe class AesGcmEngine
{
    /// <summary>Length of a nonce, in bytes: salt, then IV.</summary>
    public const int NonceLength = 12;

    /// <summary>All paths, the best first.</summary>
    internal static AesGcmPath[] Paths { get; } =
    [
        Kernel<WideGroupLoop<Vpclmulqdq>, X86CipherUnit>("avx512", WideGroupLoop<Vpclmulqdq>.IsSupported && Pclmulqdq.V512.IsSupported),
        Kernel<NarrowGroupLoop<X86CipherUnit>, X86CipherUnit>("aesni", X86CipherUnit.IsSupported),
        Kernel<NarrowGroupLoop<ArmCipherUnit<Armv8Crypto>>, ArmCipherUnit<Armv8Crypto>>("arm64", Armv8Crypto.IsSupported),
        new("portable", isSupported: true) { PrepareKey = &PortableAesGcm.PrepareKey, Encrypt = &PortableAesGcm.Encrypt, Decrypt = &PortableAesGcm.Decrypt },
    ];

    internal static AesGcmPath Current { get; } = Choose(Environment.GetEnvironmentVariable("GATEWAY_AEAD"));

    /// <summary>The name of the path that runs, for logs, <c>show</c> and benchmarks.</summary>
    public static string Path => Current.Name;

    /// <summary>Encrypts <paramref name="length"/> bytes and writes the tag. In place (source = destination) or between buffers that do not overlap.</summary>
    public static void Encrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength) =>
        Current.Encrypt(key, nonce, aad, aadLength, source, destination, length, tag, tagLength);

    /// <summary>Decrypts when the tag fits. False otherwise: the comparison takes constant time, and the destination then holds zeros.</summary>
    public static bool Decrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength) =>
        Current.Decrypt(key, nonce, aad, aadLength, source, destination, length, tag, tagLength);

    /// <summary>The same on spans, for control traffic. <paramref name="destination"/> is as long as <paramref name="source"/>.</summary>
    public static void Encrypt(AesGcmKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> source, Span<byte> destination, Span<byte> tag)
    {
        CheckSizes(nonce, source, destination, tag);
        fixed (byte* n = nonce, a = aad, s = source, d = destination, t = tag)
            Current.Encrypt(key.Block, n, a, aad.Length, s, d, source.Length, t, tag.Length);
    }

    /// <inheritdoc cref="Decrypt(AesGcmKeyBlock*, byte*, byte*, int, byte*, byte*, int, byte*, int)"/>
    public static bool Decrypt(AesGcmKey key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> aad, ReadOnlySpan<byte> source, Span<byte> destination, ReadOnlySpan<byte> tag)
    {
        CheckSizes(nonce, source, destination, tag);
        fixed (byte* n = nonce, a = aad, s = source, d = destination, t = tag)
            return Current.Decrypt(key.Block, n, a, aad.Length, s, d, source.Length, t, tag.Length);
    }

    /// <summary>Encrypts a frame of packets, each under its own key; a job without a key is done already. Every job ends <see cref="AeadStatus.Done"/>.</summary>
    public static void EncryptBatch(AeadJob* jobs, int count) => EncryptBatch(Current, jobs, count);

    /// <summary>The same for jobs whose keys were taken from a worker's tables.</summary>
    public static void EncryptBatch(AeadJob* jobs, int count, AesGcmKeyCache keys) => EncryptBatch(Current, jobs, count, keys);

    /// <summary>Decrypts a frame of packets; returns how many were <see cref="AeadStatus.Forged"/>.</summary>
    public static int DecryptBatch(AeadJob* jobs, int count) => DecryptBatch(Current, jobs, count);

    /// <inheritdoc cref="EncryptBatch(AeadJob*, int, AesGcmKeyCache)"/>
    public static int DecryptBatch(AeadJob* jobs, int count, AesGcmKeyCache keys) => DecryptBatch(Current, jobs, count, keys);

    internal static void EncryptBatch(AesGcmPath path, AeadJob* jobs, int count, AesGcmKeyCache? keys = null)
    {
        var nonce = stackalloc byte[NonceLength];
        var encrypt = path.Encrypt;
        for (var job = jobs; job < jobs + count; job++)
        {
            if (job->Key == null) continue;
            if (keys is not null && job->Seed != null) keys.Fill(job);
            if (job + 1 < jobs + count) PrefetchNext(job);
            *(uint*)nonce = job->Salt;
            *(ulong*)(nonce + 4) = job->Iv;
            encrypt(job->Key, nonce, job->Aad == null ? job->InlineAad : job->Aad, job->AadLength, job->Source, job->Destination, job->Length, job->Tag, job->TagLength);
            job->Status = AeadStatus.Done;
        }
    }

    internal static int DecryptBatch(AesGcmPath path, AeadJob* jobs, int count, AesGcmKeyCache? keys = null)
    {
        var nonce = stackalloc byte[NonceLength];
        var decrypt = path.Decrypt;
        var forged = 0;
        for (var job = jobs; job < jobs + count; job++)
        {
            if (job->Key == null) continue;
            if (keys is not null && job->Seed != null) keys.Fill(job);
            if (job + 1 < jobs + count) PrefetchNext(job);
            *(uint*)nonce = job->Salt;
            *(ulong*)(nonce + 4) = job->Iv;
            var fits = decrypt(job->Key, nonce, job->Aad == null ? job->InlineAad : job->Aad, job->AadLength, job->Source, job->Destination, job->Length, job->Tag, job->TagLength);
            job->Status = fits ? AeadStatus.Done : AeadStatus.Forged;
            if (!fits) forged++;
        }
        return forged;
    }

    internal static AesGcmPath Choose(string? wanted)
    {
        if (string.IsNullOrEmpty(wanted)) return Array.Find(Paths, p => p.IsSupported)!;
        return Array.Find(Paths, p => p.Name == wanted && p.IsSupported)
            ?? throw new NotSupportedException(
                $"GATEWAY_AEAD={wanted} cannot run here; possible are {string.Join(", ", Paths.Where(p => p.IsSupported).Select(p => p.Name))}.");
    }

    internal static AesGcmPath Kernel<TLoop, TUnit>(string name, bool isSupported)
        where TLoop : struct, IGroupLoop
        where TUnit : struct, ICipherUnit =>
        new(name, isSupported)
        {
            PrepareKey = &GcmPacket<TLoop, TUnit>.PrepareKey,
            Encrypt = &GcmPacket<TLoop, TUnit>.Encrypt,
            Decrypt = &GcmPacket<TLoop, TUnit>.Decrypt,
        };

    /// <summary>
    /// Asks for what the next job reads while this one is at work: its key's tables, and its text, which lies in a page of its own, where the processor's prefetcher does not look ahead.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void PrefetchNext(AeadJob* job)
    {
        const int line = 64, most = 1536;
        if (!Sse.IsSupported) return;
        if (job[1].Key != job->Key) AesGcmKeyBlock.Prefetch(job[1].Key, job[1].Length);
        // Of buffers that lie one behind the other the processor fetches the next by itself.
        if ((nuint)(job[1].Source - job->Source) < most + line) return;
        var end = job[1].Source + Math.Min(job[1].Length, most);
        for (var at = job[1].Source; at < end; at += line) Sse.Prefetch0(at);
    }

    private static void CheckSizes(ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> source, Span<byte> destination, ReadOnlySpan<byte> tag)
    {
        if (nonce.Length != NonceLength) throw new ArgumentException("The nonce has 12 bytes.", nameof(nonce));
        if (destination.Length != source.Length) throw new ArgumentException("The destination is as long as the source.", nameof(destination));
        if (tag.Length is not (8 or 12 or 16)) throw new ArgumentException("The tag has 8, 12 or 16 bytes.", nameof(tag));
    }
}
