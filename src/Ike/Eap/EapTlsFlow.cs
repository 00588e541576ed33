using System.Buffers.Binary;
using Gateway.Crypto;
using Gateway.Crypto.Tls;
using Gateway.Ike.Certificates;
using Gateway.Ike.Exchanges;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Eap;

/// <summary>TLS records in EAP packets, in pieces and whole, for both sides (RFC 5216 §2.1.5, §3.1; RFC 9190).</summary>
internal static class EapTlsFlow
{
    public const byte Start = 0x20;
    private const byte More = 0x40;
    private const byte HasLength = 0x80;

    /// <summary>Octets of records in one packet, as strongSwan has them; IKE may have to fragment what is longer.</summary>
    private const int Piece = 1024;

    /// <summary>Octets of a message of the peer; a chain of certificates is far below.</summary>
    private const int MaxMessage = 64 * 1024;

    /// <summary>Flags and records of a packet; null when it is damaged.</summary>
    public static (byte Flags, Octets Records)? Read(Octets data)
    {
        var octets = data.Span[1..];
        // RFC 5216 §3.2: a response without anything is an acknowledgement; some leave the flags out too.
        if (octets.IsEmpty) return (0, default);
        var flags = octets[0];
        octets = octets[1..];
        if ((flags & HasLength) == 0) return (flags, new Octets(octets));
        if (octets.Length < 4 || BinaryPrimitives.ReadUInt32BigEndian(octets) > MaxMessage) return null;
        return (flags, new Octets(octets[4..]));
    }

    /// <summary>Adds a piece; null when the message grows too long.</summary>
    public static EapStage.Tls? Gather(EapStage.Tls stage, Octets records) =>
        stage.Incoming.Length + records.Length > MaxMessage ? null : stage with { Incoming = new Octets([.. stage.Incoming.Span, .. records.Span]) };

    public static bool IsLast(byte flags) => (flags & More) == 0;

    /// <summary>The next piece of what is to be sent, flags first; the first of several tells the length of all.</summary>
    public static (byte[] Data, EapStage.Tls Stage) Next(EapStage.Tls stage, bool isFirst)
    {
        var all = stage.Outgoing.Span;
        var piece = all[..Math.Min(Piece, all.Length)];
        var rest = all[piece.Length..];
        var flags = rest.IsEmpty ? (byte)0 : More;
        Span<byte> length = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(length, (uint)all.Length);
        var tellsLength = isFirst && !rest.IsEmpty;
        byte[] data = [tellsLength ? (byte)(flags | HasLength) : flags, .. tellsLength ? length : default, .. piece];
        return (data, stage with { Outgoing = new Octets(rest) });
    }

    /// <summary>MSK: the first 64 octets of the exported key (RFC 5216 §2.3, RFC 9190 §2.3).</summary>
    public static Secret Msk(TlsSession session)
    {
        using var material = session.IsTls13 ? session.Export("EXPORTER_EAP_TLS_Key_Material", [13], 128) : session.Export("client EAP encryption", null, 128);
        return material.Slice(0, 64);
    }

    /// <summary>A session with the own certificate for an identity.</summary>
    public static TlsSession? Open(EapContext context, bool server, Identity own, out string? fault)
    {
        fault = null;
        var chosen = OwnCredential.Choose(context.Scope, context.OwnCerts, [], own, default);
        if (chosen is null && server)
        {
            fault = $"there is no certificate with a private key for {own}";
            return null;
        }

        return new TlsSession(server, chosen is null ? [] : [.. chosen.Chain.Select(c => c.Raw.Memory)], chosen?.Key, context.Scope.Settings.TlsVersion);
    }

    /// <summary>Judges the certificates that the peer showed.</summary>
    public static ChainVerdict Judge(EapContext context, TlsSession session, Identity identity, out IReadOnlyList<Certificate> shown)
    {
        var read = new List<Certificate>();
        foreach (var der in session.PeerCertificates().Take(10))
            if (CertificateReader.TryRead(der, out var certificate, out _)) read.Add(certificate);
            else if (read.Count == 0) break;
        shown = read;
        if (read.Count == 0) return new ChainVerdict.Untrusted("the peer showed no readable certificate in TLS");
        var scope = context.Scope;
        return TrustChain.Judge(read[0], identity, read, scope.Directory.Credentials, context.Round.Demands, scope.Directory.Revocation, context.Asked, scope.Directory.TimeOfDay(scope.Now));
    }
}
