using System.Security.Cryptography;
using Gateway.Host.Journal.Snapshots;
using Gateway.Host.Vault;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Host.Journal.Heads;

/// <summary>The gateway's ECDSA P-256 key for heads, snapshots and bundles: the pair from the vault, or the public half alone.</summary>
public sealed class HeadKey : ISeal, IDisposable
{
    /// <summary>The one slot of the key; a fixed name, because nothing in the journal tells it.</summary>
    private static readonly KeyHandle _slot = new(new UInt128(0x6a6f75726e616c20, 0x68656164206b6579));

    private readonly ECDsa _key;
    private readonly Lock _gate = new();

    private HeadKey(ECDsa key, bool isPair)
    {
        (_key, IsPair) = (key, isPair);
        PublicKey = new Octets(key.ExportSubjectPublicKeyInfo());
        Fingerprint = Octets.Owning(SHA256.HashData(PublicKey.Span));
    }

    /// <summary>True when it can sign.</summary>
    public bool IsPair { get; }

    /// <summary>It was made by this call of <see cref="FromVault"/>.</summary>
    public bool IsNew { get; private init; }

    /// <summary>DER of the SubjectPublicKeyInfo.</summary>
    public Octets PublicKey { get; }

    public Octets Fingerprint { get; }

    public string Pem => PemEncoding.WriteString("PUBLIC KEY", PublicKey.Span) + "\n";

    /// <summary>The key pair of the vault; made when there is none.</summary>
    public static HeadKey FromVault(VaultFile vault)
    {
        if (vault.TryRead(_slot, out var kept))
        {
            using (kept)
            {
                var key = ECDsa.Create();
                key.ImportPkcs8PrivateKey(kept.Span, out _);
                return new HeadKey(key, isPair: true);
            }
        }

        var fresh = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var encoded = fresh.ExportPkcs8PrivateKey();
        vault.Write(_slot, SlotKind.Own, encoded, synced: true);
        CryptographicOperations.ZeroMemory(encoded);
        return new HeadKey(fresh, isPair: true) { IsNew = true };
    }

    /// <summary>A key pair that is kept nowhere.</summary>
    public static HeadKey Create() => new(ECDsa.Create(ECCurve.NamedCurves.nistP256), isPair: true);

    /// <summary>A public key as PEM; null when it is none for P-256.</summary>
    public static HeadKey? FromPem(string pem)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportFromPem(pem);
            if (key.KeySize == 256) return new HeadKey(key, isPair: false);
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            // Not a key.
        }

        key.Dispose();
        return null;
    }

    /// <summary>A public key as DER; null when it is none for P-256.</summary>
    public static HeadKey? FromDer(ReadOnlySpan<byte> publicKey)
    {
        var key = ECDsa.Create();
        try
        {
            key.ImportSubjectPublicKeyInfo(publicKey, out _);
            if (key.KeySize == 256) return new HeadKey(key, isPair: false);
        }
        catch (CryptographicException)
        {
            // Not a key.
        }

        key.Dispose();
        return null;
    }

    public byte[]? Sign(ReadOnlySpan<byte> content)
    {
        if (!IsPair) return null;
        lock (_gate) return _key.SignData(content, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    public bool Verify(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        lock (_gate) return signature.Length is > 0 and <= 72 && _key.VerifyData(content, signature, HashAlgorithmName.SHA256, DSASignatureFormat.Rfc3279DerSequence);
    }

    public void Dispose() => _key.Dispose();
}
