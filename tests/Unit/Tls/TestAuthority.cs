using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Gateway.Unit.Tls;

/// <summary>A certificate authority that lives as long as a test.</summary>
internal sealed class TestAuthority : IDisposable
{
    private const string ServerUse = "1.3.6.1.5.5.7.3.1";
    private const string ClientUse = "1.3.6.1.5.5.7.3.2";

    private readonly DateTimeOffset _from = DateTimeOffset.UtcNow.AddDays(-1);

    public TestAuthority(string name)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, true));
        Root = request.CreateSelfSigned(_from, _from.AddYears(1));
    }

    public X509Certificate2 Root { get; }

    public string WriteRoot(string folder)
    {
        var file = Path.Combine(folder, $"{Root.GetNameInfo(X509NameType.SimpleName, false)}.pem");
        File.WriteAllText(file, Root.ExportCertificatePem());
        return file;
    }

    /// <summary>Writes certificate and key as PEM files and gives their paths.</summary>
    public (string Certificate, string Key) WriteServer(string folder, string name, string host) => Write(folder, name, Server(name, host));

    public (string Certificate, string Key) WriteClient(string folder, string name) => Write(folder, name, Client(name));

    public X509Certificate2 Server(string name, string host)
    {
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(host);
        return Issue($"CN={name}", ServerUse, names);
    }

    /// <param name="isSubject">The name is a whole subject already.</param>
    public X509Certificate2 Client(string name, bool isSubject = false) => Issue(isSubject ? name : $"CN={name}", ClientUse, null);

    public void Dispose() => Root.Dispose();

    private static (string Certificate, string Key) Write(string folder, string name, X509Certificate2 certificate)
    {
        var (file, key) = (Path.Combine(folder, $"{name}.crt"), Path.Combine(folder, $"{name}.key"));
        File.WriteAllText(file, certificate.ExportCertificatePem());
        File.WriteAllText(key, certificate.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
        return (file, key);
    }

    private X509Certificate2 Issue(string subject, string use, SubjectAlternativeNameBuilder? names)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest(new X500DistinguishedName(subject), key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid(use)], false));
        if (names is not null) request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(Root, _from, _from.AddMonths(6), RandomNumberGenerator.GetBytes(16));
        using var whole = certificate.CopyWithPrivateKey(key);
        // A key that only lives in memory is not used by every platform's TLS: through PKCS #12 it is.
        return X509CertificateLoader.LoadPkcs12(whole.Export(X509ContentType.Pkcs12), null);
    }
}
