using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gateway.Host.Appliance;

namespace Gateway.Host.Tls;

/// <summary>
/// The authorities of a PEM file, and nobody else. Read anew when the file changed. Revocation is not looked up: whoever must lock a certificate out
/// removes its principal from the authorization, or its authority from the file.
/// </summary>
internal sealed class TlsTrust(string file)
{
    /// <summary>RFC 5280 §4.2.1.12: what a certificate may be used for.</summary>
    public const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    public const string ClientAuthentication = "1.3.6.1.5.5.7.3.2";

    private readonly Lock _gate = new();
    private DateTime _read;
    private X509Certificate2Collection? _authorities;

    /// <summary>True when a chain leads from the certificate to one of the authorities and it may be used for the purpose. The name is the caller's to check.</summary>
    public bool Vouches(X509Certificate2 certificate, IEnumerable<X509Certificate2> sentAlong, string purpose)
    {
        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.CustomTrustStore.AddRange(Authorities());
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.DisableCertificateDownloads = true;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(purpose));
        foreach (var other in sentAlong) chain.ChainPolicy.ExtraStore.Add(other);
        return chain.Build(certificate);
    }

    /// <exception cref="ApplianceException">The file never could be read.</exception>
    public X509Certificate2Collection Authorities()
    {
        lock (_gate)
        {
            try
            {
                var now = File.GetLastWriteTimeUtc(file);
                if (_authorities is not null && now == _read) return _authorities;
                var fresh = new X509Certificate2Collection();
                fresh.ImportFromPemFile(file);
                if (fresh.Count == 0) throw new CryptographicException("it holds no certificate");
                (_authorities, _read) = (fresh, now);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException)
            {
                if (_authorities is null) throw new ApplianceException($"{file} holds no authorities: {e.Message}", e);
            }

            return _authorities!;
        }
    }
}
