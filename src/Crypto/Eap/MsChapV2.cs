using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Eap;

/// <summary>The computations of MS-CHAP version 2 (RFC 2759 §8) and of the keys that come of it (RFC 3079 §3).</summary>
[SuppressMessage("Security", "CA5350", Justification = "RFC 2759 and RFC 3079 are made of SHA-1, MD4 and DES; only EAP-MSCHAPv2 uses them.")]
public static class MsChapV2
{
    public const int ChallengeLength = 16;
    public const int ResponseLength = 24;

    /// <summary>NtPasswordHash (RFC 2759 §8.3): MD4 over the password in UTF-16.</summary>
    public static Secret NtHash(ReadOnlySpan<byte> utf8Password)
    {
        using var unicode = Secret.Allocate(2 * Encoding.UTF8.GetCharCount(utf8Password), out var text);
        Span<char> chars = new char[text.Length / 2];
        Encoding.UTF8.GetChars(utf8Password, chars);
        for (var i = 0; i < chars.Length; i++) (text[2 * i], text[(2 * i) + 1]) = ((byte)chars[i], (byte)(chars[i] >> 8));
        chars.Clear();
        var hash = Secret.Allocate(Md4.Size, out var into);
        Md4.Hash(unicode.Span, into);
        return hash;
    }

    /// <summary>GenerateNTResponse (RFC 2759 §8.1).</summary>
    public static byte[] NtResponse(ReadOnlySpan<byte> ntHash, ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> userName)
    {
        var challenge = Challenge(peerChallenge, authenticatorChallenge, userName);
        // RFC 2759 §8.5: three DES keys from the hash and five zero octets.
        using var padded = Secret.Allocate(21, out var keys);
        ntHash.CopyTo(keys);
        var response = new byte[ResponseLength];
        for (var i = 0; i < 3; i++) DesEncrypt(keys.Slice(7 * i, 7), challenge, response.AsSpan(8 * i, 8));
        return response;
    }

    /// <summary>GenerateAuthenticatorResponse (RFC 2759 §8.7): <c>S=</c> and forty hexadecimal digits.</summary>
    public static string AuthenticatorResponse(
        ReadOnlySpan<byte> ntHash, ReadOnlySpan<byte> ntResponse, ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> userName)
    {
        using var hashHash = HashOf(ntHash);
        Span<byte> digest = stackalloc byte[20];
        SHA1.HashData([.. hashHash.Span, .. ntResponse, .. "Magic server to client signing constant"u8], digest);
        var challenge = Challenge(peerChallenge, authenticatorChallenge, userName);
        SHA1.HashData([.. digest, .. challenge, .. "Pad to make it do more than one iteration"u8], digest);
        return "S=" + Convert.ToHexString(digest);
    }

    /// <summary>
    /// The 64 octets of EAP-MSCHAPv2's MSK (draft-kamath-pppext-eap-mschapv2 §4): what the authenticator receives with, what it sends with, and zeros.
    /// </summary>
    public static Secret Msk(ReadOnlySpan<byte> ntHash, ReadOnlySpan<byte> ntResponse)
    {
        using var hashHash = HashOf(ntHash);
        Span<byte> master = stackalloc byte[20];
        // RFC 3079 §3.4: GetMasterKey.
        SHA1.HashData([.. hashHash.Span, .. ntResponse, .. "This is the MPPE Master Key"u8], master);
        var msk = Secret.Allocate(64, out var into);
        // RFC 3079 §3.4: the client's send key is what the server receives with, and comes first.
        StartKey(master[..16], "On the client side, this is the send key; on the server side, it is the receive key."u8, into[..16]);
        StartKey(master[..16], "On the client side, this is the receive key; on the server side, it is the send key."u8, into[16..32]);
        CryptographicOperations.ZeroMemory(master);
        return msk;
    }

    // RFC 3079 §3.4: GetAsymmetricStartKey.
    private static void StartKey(ReadOnlySpan<byte> master, ReadOnlySpan<byte> magic, Span<byte> into)
    {
        Span<byte> pads = stackalloc byte[80];
        pads[..40].Clear();
        pads[40..].Fill(0xf2);
        Span<byte> digest = stackalloc byte[20];
        SHA1.HashData([.. master, .. pads[..40], .. magic, .. pads[40..]], digest);
        digest[..16].CopyTo(into);
        CryptographicOperations.ZeroMemory(digest);
    }

    private static Secret HashOf(ReadOnlySpan<byte> ntHash)
    {
        var hash = Secret.Allocate(Md4.Size, out var into);
        Md4.Hash(ntHash, into);
        return hash;
    }

    // RFC 2759 §8.2: ChallengeHash.
    private static byte[] Challenge(ReadOnlySpan<byte> peerChallenge, ReadOnlySpan<byte> authenticatorChallenge, ReadOnlySpan<byte> userName) =>
        SHA1.HashData([.. peerChallenge, .. authenticatorChallenge, .. userName])[..8];

    // RFC 2759 §8.6. Single DES is in no provider that must be there; three times the same key makes Triple DES just that.
    private static void DesEncrypt(ReadOnlySpan<byte> key, ReadOnlySpan<byte> clear, Span<byte> into)
    {
        Span<byte> tripled = stackalloc byte[24];
        ulong bits = 0;
        foreach (var octet in key) bits = bits << 8 | octet;
        // Each octet of a DES key has seven bits of the key; the eighth is a parity that nobody looks at.
        for (var i = 0; i < 24; i++) tripled[i] = (byte)(bits >> (49 - (7 * (i % 8))) << 1);
        using var cipher = new EvpCipher("DES-EDE3", tripled, encrypt: true);
        clear.CopyTo(into);
        cipher.Run(default, into);
        CryptographicOperations.ZeroMemory(tripled);
    }
}
