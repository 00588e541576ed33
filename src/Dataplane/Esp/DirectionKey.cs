using System.Runtime.InteropServices;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Packet;

namespace Gateway.Dataplane.Esp;

/// <summary>Owns the key of one direction of an SA: with AES-GCM as it was agreed (workers make its tables), else prepared by the library.</summary>
internal sealed unsafe class DirectionKey : IDisposable
{
    private readonly PacketCipher? _library;

    private DirectionKey(AesGcmSeed* gcm, PacketCipher? library)
    {
        Gcm = gcm;
        _library = library;
    }

    /// <summary>Null with another cipher.</summary>
    public AesGcmSeed* Gcm { get; private set; }

    /// <summary>Null with AES-GCM.</summary>
    public PacketCipherBlock* Library => _library is null ? null : _library.Block;

    /// <summary>Of AES-GCM, as it lies in memory.</summary>
    public uint Salt { get; private init; }

    public static DirectionKey Create(PacketCipherDescription cipher, ReadOnlySpan<byte> keyMaterial, bool encrypt) => cipher.IsGcm
        ? new DirectionKey(AesGcmSeed.Create(keyMaterial[..cipher.KeyLength]), null) { Salt = MemoryMarshal.Read<uint>(keyMaterial[cipher.KeyLength..]) }
        : new DirectionKey(null, PacketCipher.Create(cipher, keyMaterial, encrypt));

    public override string ToString() => "***";

    public void Dispose()
    {
        AesGcmSeed.Free(Gcm);
        Gcm = null;
        _library?.Dispose();
    }
}
