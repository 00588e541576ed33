using System.Runtime.InteropServices;
using Gateway.Crypto.Aead;
using Gateway.Crypto.Packet;

namespace Gateway.Dataplane.Esp;

/// <summary>Owns the prepared keys of one direction of an SA: of our kernels with AES-GCM, else of the library.</summary>
internal sealed unsafe class DirectionKey : IDisposable
{
    private readonly AesGcmKey? _gcm;
    private readonly PacketCipher? _library;

    private DirectionKey(AesGcmKey? gcm, PacketCipher? library) => (_gcm, _library) = (gcm, library);

    /// <summary>Null with another cipher.</summary>
    public AesGcmKeyBlock* Gcm => _gcm is null ? null : _gcm.Block;

    /// <summary>Null with AES-GCM.</summary>
    public PacketCipherBlock* Library => _library is null ? null : _library.Block;

    /// <summary>Of AES-GCM, as it lies in memory.</summary>
    public uint Salt { get; private init; }

    public static DirectionKey Create(PacketCipherDescription cipher, ReadOnlySpan<byte> keyMaterial, bool encrypt) => cipher.IsGcm
        ? new DirectionKey(AesGcmKey.Create(keyMaterial[..cipher.KeyLength]), null) { Salt = MemoryMarshal.Read<uint>(keyMaterial[cipher.KeyLength..]) }
        : new DirectionKey(null, PacketCipher.Create(cipher, keyMaterial, encrypt));

    public override string ToString() => "***";

    public void Dispose()
    {
        _gcm?.Dispose();
        _library?.Dispose();
    }
}
