using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Rules;

namespace Gateway.Host.Control;

/// <summary>Reads what certificate items hold; lets their rules ask the parser that will read them later.</summary>
public sealed class CertificateData : ICertificateSyntax
{
    public string? FaultOf(CertificateSpec certificate) => Read(certificate, out var fault) is null ? fault : null;

    /// <summary>A <see cref="Certificate"/>, a <see cref="RevocationList"/> or a <see cref="NamedKey"/> without its name; null with one sentence when it is none.</summary>
    public static object? Read(CertificateSpec spec, out string? fault)
    {
        fault = "This is neither PEM nor DER in base64.";
        switch (spec.Type)
        {
            case CertificateType.X509:
                if (Pem.Decode(spec.Data, "CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE") is not { } der) return null;
                return CertificateReader.TryRead(der, out var certificate, out fault) ? certificate : null;
            case CertificateType.X509Crl:
                if (Pem.Decode(spec.Data, "X509 CRL") is not { } list) return null;
                return RevocationList.TryRead(list, out var crl, out fault) ? crl : null;
            default:
                if (Pem.Decode(spec.Data, "PUBLIC KEY") is not { } info) return null;
                fault = "This is no public key of a kind that is taken.";
                if (!PublicKey.TryParse(info, out var key)) return null;
                using (key) return new NamedKey("", info, key.InfoHash());
        }
    }
}
