using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Aead;

/// <summary>Owns one prepared AES-GCM key (128, 192 or 256 bits). Dispose it when nothing uses <see cref="Block"/> any more: it is zeroed then.</summary>
public sealed unsafe class AesGcmKey : IDisposable
{
    /// <summary>Native memory for one key, in bytes, the same on every path.</summary>
    public const int Footprint = AesGcmKeyBlock.Size;

    private nint _block;

    private AesGcmKey(nint block) => _block = block;

    /// <summary>What the kernels and an <see cref="AeadJob"/> take.</summary>
    public AesGcmKeyBlock* Block
    {
        get
        {
            var block = _block;
            ObjectDisposedException.ThrowIf(block == 0, this);
            return (AesGcmKeyBlock*)block;
        }
    }

    /// <summary>Prepares a key of 16, 24 or 32 bytes (the AES key only, without ESP's or IKE's salt) for the path that runs.</summary>
    public static AesGcmKey Create(ReadOnlySpan<byte> key) => Create(key, AesGcmEngine.Current);

    internal static AesGcmKey Create(ReadOnlySpan<byte> key, AesGcmPath path)
    {
        if (key.Length is not (16 or 24 or 32)) throw new ArgumentException("An AES key has 16, 24 or 32 bytes.", nameof(key));
        var block = (AesGcmKeyBlock*)LockedMemory.Allocate(Footprint);
        path.Prepare(block, key);
        return new AesGcmKey((nint)block);
    }

    public override string ToString() => "***";

    public void Dispose()
    {
        var block = (AesGcmKeyBlock*)Interlocked.Exchange(ref _block, 0);
        if (block == null) return;
        PortableAesGcm.Release(block);
        LockedMemory.Free((byte*)block, Footprint);
    }
}
