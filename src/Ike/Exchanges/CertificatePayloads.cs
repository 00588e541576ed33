using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>CERT and CERTREQ (RFC 7296 §3.6, §3.7).</summary>
internal static class CertificatePayloads
{
    /// <summary>Certificates of one message that are looked at.</summary>
    private const int MaxCertificates = 10;

    // Authorities that one CERTREQ names; with more it would only make the message long.
    private const int MaxAuthorities = 100;

    /// <summary>What we ask the peer for: certificates below the authorities that are trusted.</summary>
    /// <param name="connections">The one that is set up, or before the peer has said who it is all that it may turn out to be.</param>
    public static IEnumerable<Payload> Request(Scope scope, IEnumerable<Connection> connections)
    {
        var rounds = connections.Where(c => c.Spec.SendCertreq).SelectMany(c => c.Remote).Where(r => r.Method == AuthenticationMethod.Pubkey).ToList();
        if (rounds.Count == 0) yield break;
        var credentials = scope.Directory.Credentials;
        // Who takes whatever is trusted asks for all of it.
        var wanted = rounds.Exists(r => r.Demands.Cacerts.Count == 0) ? [] : rounds.SelectMany(r => r.Demands.Cacerts).ToValueList();
        var authorities = wanted.Count > 0 ? credentials.Named(wanted) : credentials.Authorities.Select(a => a.Certificate).Where(c => c.IsSelfIssued);
        var hashes = authorities.Take(MaxAuthorities).SelectMany(c => c.KeyInfoHash.Span.ToArray()).ToArray();
        if (hashes.Length > 0) yield return new CertificateRequestPayload(CertificateEncoding.X509Signature, hashes);
    }

    /// <summary>Our certificates, where the connection and the peer want them.</summary>
    public static IEnumerable<Payload> Show(Connection connection, OwnCredential own, bool asked)
    {
        var isWanted = connection.Spec.SendCert switch { SendCertPolicy.Always => true, SendCertPolicy.Never => false, _ => asked };
        return isWanted ? own.Chain.Select(c => new CertificatePayload(CertificateEncoding.X509Signature, c.Raw)) : [];
    }

    /// <summary>Whether the peer asks for an X.509 certificate, and which authorities it names.</summary>
    public static (bool Asked, Octets Authorities) Asked(ValueList<Payload> payloads)
    {
        var requests = payloads.All<CertificateRequestPayload>().Where(r => r.Encoding == CertificateEncoding.X509Signature).ToList();
        return (requests.Count > 0, new Octets([.. requests.SelectMany(r => r.Authorities.Span.ToArray())]));
    }

    /// <summary>The certificates in a message, in its order; what cannot be read ends the list with its reason.</summary>
    public static IReadOnlyList<Certificate> Read(ValueList<Payload> payloads, out string? fault)
    {
        fault = null;
        var read = new List<Certificate>();
        foreach (var payload in payloads.All<CertificatePayload>().Where(c => c.Encoding == CertificateEncoding.X509Signature).Take(MaxCertificates))
        {
            if (CertificateReader.TryRead(payload.Data.Span, out var certificate, out var error)) read.Add(certificate);
            else fault ??= error;
        }

        return read;
    }
}
