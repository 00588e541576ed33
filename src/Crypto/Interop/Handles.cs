using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>A libcrypto object; the subclasses name the function that frees it.</summary>
internal abstract class CryptoHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;
}

internal sealed class PkeyHandle : CryptoHandle
{
    /// <summary>Another handle of the same key; both are disposed.</summary>
    internal PkeyHandle Share()
    {
        LibCrypto.Check(LibCrypto.EVP_PKEY_up_ref(this), "share a key");
        var other = new PkeyHandle();
        other.SetHandle(DangerousGetHandle());
        return other;
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_PKEY_free(handle);
        return true;
    }
}

internal sealed class PkeyContextHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_PKEY_CTX_free(handle);
        return true;
    }
}

internal sealed class BignumHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.BN_clear_free(handle);
        return true;
    }

    /// <summary>A number from big-endian bytes; marked secret, so that libcrypto takes its constant-time ways.</summary>
    internal static unsafe BignumHandle FromSecretBytes(ReadOnlySpan<byte> bytes)
    {
        var number = FromBytes(bytes);
        LibCrypto.BN_set_flags(number, LibCrypto.BN_FLG_CONSTTIME);
        return number;
    }

    /// <summary>A public number from big-endian bytes.</summary>
    internal static unsafe BignumHandle FromBytes(ReadOnlySpan<byte> bytes)
    {
        var number = LibCrypto.BN_secure_new();
        fixed (byte* p = bytes)
            LibCrypto.Check(LibCrypto.BN_bin2bn(p, bytes.Length, number) == 0 ? 0 : 1, "read a number");
        return number;
    }

    /// <summary>Writes the number big-endian, with leading zeros.</summary>
    internal unsafe void Write(Span<byte> into)
    {
        fixed (byte* p = into)
            LibCrypto.Check(LibCrypto.BN_bn2binpad(this, p, into.Length), "write a number");
    }
}

internal sealed class BignumContextHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.BN_CTX_free(handle);
        return true;
    }
}

internal sealed class EcGroupHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.EC_GROUP_free(handle);
        return true;
    }
}

internal sealed class EcPointHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.EC_POINT_clear_free(handle);
        return true;
    }
}

internal sealed class MacContextHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_MAC_CTX_free(handle);
        return true;
    }
}

internal sealed class DigestContextHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_MD_CTX_free(handle);
        return true;
    }
}

internal sealed class BioHandle : CryptoHandle
{
    protected override bool ReleaseHandle()
    {
        _ = LibCrypto.BIO_free(handle);
        return true;
    }
}
