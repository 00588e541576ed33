using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gateway.Host.Appliance;

namespace Gateway.Host.Tls;

/// <summary>A certificate (with its chain) and its key, from PEM files that may be renewed while the gateway runs: they are read anew when they changed.</summary>
internal sealed class TlsIdentity(string certificate, string key)
{
    private readonly Lock _gate = new();
    private (DateTime Certificate, DateTime Key) _read;
    private X509Certificate2? _current;
    private X509Certificate2Collection _chain = [];

    /// <summary>The certificate with its key, as the files are now; when they cannot be read, as they were before.</summary>
    /// <exception cref="ApplianceException">They never could be read.</exception>
    public (X509Certificate2 Certificate, X509Certificate2Collection Chain) Current()
    {
        lock (_gate)
        {
            try
            {
                var now = (File.GetLastWriteTimeUtc(certificate), File.GetLastWriteTimeUtc(key));
                if (_current is not null && now == _read) return (_current, _chain);
                // The one before stays undisposed: a connection may be using it.
                (_current, _chain, _read) = (Load(), Intermediates(), now);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
            {
                // A message of the reader never repeats the key.
                if (_current is null) throw new ApplianceException($"{certificate} and {key} are no certificate with its key: {e.Message}", e);
            }

            return (_current!, _chain);
        }
    }

    private X509Certificate2 Load() => X509Certificate2.CreateFromPemFile(certificate, key);

    private X509Certificate2Collection Intermediates()
    {
        var all = new X509Certificate2Collection();
        all.ImportFromPemFile(certificate);
        if (all.Count > 0) all.RemoveAt(0);
        return all;
    }
}
