using System.Globalization;
using System.Text;
using System.Text.Json.Serialization;
using Gateway.Policy;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Bundles;

/// <summary>First line of a bundle.</summary>
public sealed record BundleHeader
{
    /// <summary>Always <c>gateway-journal</c>.</summary>
    public required string Bundle { get; init; }

    /// <summary>Of the format; 1.</summary>
    public required int Version { get; init; }

    /// <summary>Id of the gateway.</summary>
    public required string Gateway { get; init; }

    /// <summary>Position of the first event.</summary>
    public required long From { get; init; }

    /// <summary>Position of the last event.</summary>
    public required long To { get; init; }

    /// <summary>The chain's hash at the position before <see cref="From"/>.</summary>
    public required Octets Before { get; init; }

    /// <summary>When it was written.</summary>
    public required DateTimeOffset Made { get; init; }

    /// <summary>The public key of the gateway as it says itself, DER; who wants a proof takes the key from elsewhere.</summary>
    public Octets? PublicKey { get; init; }

    [JsonIgnore]
    public JournalHead Begin => new(From - 1, Before);
}

/// <summary>An event's line. <see cref="Data"/> is the text that the hash covers, letter for letter.</summary>
public sealed record BundleEvent
{
    public required long Position { get; init; }

    public required string Subject { get; init; }

    public required string Name { get; init; }

    /// <summary>RFC 3339 with seven digits of a second, UTC.</summary>
    public required string Time { get; init; }

    public string? CommandId { get; init; }

    public required string Door { get; init; }

    public required string Who { get; init; }

    public string? Issuer { get; init; }

    public long? Cause { get; init; }

    public string? Data { get; init; }

    /// <summary>Instead of <see cref="Data"/> when that is no UTF-8.</summary>
    public Octets? DataHex { get; init; }

    public required Octets Hash { get; init; }

    public static BundleEvent Of(Envelope e)
    {
        var text = System.Text.Unicode.Utf8.IsValid(e.Data.Span) ? Encoding.UTF8.GetString(e.Data.Span) : null;
        return new BundleEvent
        {
            Position = e.Position,
            Subject = e.Subject,
            Name = e.Name,
            Time = e.Time.UtcDateTime.ToString("O", CultureInfo.InvariantCulture),
            CommandId = e.CommandId,
            Door = e.Principal.Door,
            Who = e.Principal.Name,
            Issuer = e.Issuer,
            Cause = e.Cause,
            Data = text,
            DataHex = text is null ? e.Data : (Octets?)null,
            Hash = e.Hash,
        };
    }

    /// <summary>The envelope; null when the line is not a whole event.</summary>
    public Envelope? ToEnvelope()
    {
        if (!DateTimeOffset.TryParseExact(Time, "O", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) || (Data is null && DataHex is null)) return null;
        return new Envelope
        {
            Position = Position,
            Subject = Subject,
            Name = Name,
            Time = time.ToUniversalTime(),
            CommandId = CommandId,
            Principal = new Principal(Door, Who),
            Issuer = Issuer,
            Cause = Cause,
            Data = Data is not null ? Octets.Owning(Encoding.UTF8.GetBytes(Data)) : DataHex!.Value,
            Hash = Hash,
        };
    }
}

/// <summary>A line behind the header: an event, a signed head, or the end.</summary>
public sealed record BundleLine
{
    public BundleEvent? Event { get; init; }

    public Heads.SignedHead? Head { get; init; }

    public BundleEnd? End { get; init; }
}

/// <summary>The last line: a bundle without it was cut off.</summary>
public sealed record BundleEnd(long Events, Octets Hash);
