using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Gateway.Policy;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Heads;

/// <summary>
/// Where the journal ended at a moment, signed by the gateway: the hash covers every event up to there, so whoever has this line and the public key can
/// tell later whether anything of them was changed, taken away or replaced.
/// </summary>
public sealed record SignedHead
{
    /// <summary>Id of the gateway.</summary>
    public required string Gateway { get; init; }

    public required long Position { get; init; }

    /// <summary>The chain's hash at the position.</summary>
    public required Octets Hash { get; init; }

    /// <summary>When it was signed, by the gateway's clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>SHA-256 of the signing key's SubjectPublicKeyInfo.</summary>
    public required Octets Key { get; init; }

    /// <summary>ECDSA P-256 with SHA-256, DER, over <see cref="Statement"/>.</summary>
    public required Octets Signature { get; init; }

    [JsonIgnore]
    public JournalHead Head => new(Position, Hash);

    /// <summary>What is signed: five lines of text, each with its line feed.</summary>
    public static byte[] Statement(string gateway, JournalHead head, DateTimeOffset time) => Encoding.UTF8.GetBytes(string.Create(
        CultureInfo.InvariantCulture, $"gateway-head-v1\n{gateway}\n{head.Position}\n{head.Hash}\n{time.UtcDateTime:yyyy-MM-ddTHH:mm:ss.fffffffZ}\n"));

    public static SignedHead Sign(string gateway, JournalHead head, DateTimeOffset time, HeadKey key) => new()
    {
        Gateway = gateway,
        Position = head.Position,
        Hash = head.Hash,
        Time = time.ToUniversalTime(),
        Key = key.Fingerprint,
        Signature = new Octets(key.Sign(Statement(gateway, head, time)) ?? throw new InvalidOperationException("The key cannot sign.")),
    };

    /// <summary>True when <paramref name="key"/> signed it.</summary>
    public bool IsSignedBy(HeadKey key) => Key == key.Fingerprint && key.Verify(Statement(Gateway, Head, Time), Signature.Span);
}
