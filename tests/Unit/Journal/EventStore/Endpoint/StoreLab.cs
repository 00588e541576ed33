using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gateway.Host.Journal.EventStore;

namespace Gateway.Unit.Journal.EventStore.Endpoint;

/// <summary>One node or a cluster of the endpoint, with TLS when asked for, and a folder for what a gateway keeps beside it.</summary>
internal sealed class StoreLab : IAsyncDisposable
{
    private readonly X509Certificate2? _certificate;

    private StoreLab(int nodes, bool tls)
    {
        Folder = Directory.CreateTempSubdirectory("gateway-store-").FullName;
        if (tls) (_certificate, CaFile) = MakeCertificates(Folder);
        Nodes = [.. Enumerable.Range(0, nodes).Select(i => new StoreServer(State, _certificate) { IsLeader = i == 0 })];
        foreach (var node in Nodes) node.Cluster = nodes == 1 ? [] : Nodes;
    }

    public StoreState State { get; } = new();

    public IReadOnlyList<StoreServer> Nodes { get; }

    public string Folder { get; }

    public string? CaFile { get; }

    public StoreServer Leader => Nodes.First(n => n.IsLeader);

    public string StatePath => Path.Combine(Folder, "journal.db");

    public string Uri => $"esdb://{string.Join(',', Nodes.Select(n => $"{(CaFile is null ? "127.0.0.1" : "localhost")}:{n.Port}"))}?tls={(CaFile is null ? "false" : "true&tlsCAFile=" + System.Uri.EscapeDataString(CaFile))}&defaultDeadline=2000&discoveryInterval=50&maxDiscoverAttempts=3";

    public static async Task<StoreLab> StartAsync(int nodes = 1, bool tls = false)
    {
        var lab = new StoreLab(nodes, tls);
        foreach (var node in lab.Nodes) await node.StartAsync();
        return lab;
    }

    /// <summary>Another node leads from now on.</summary>
    public void Elect(int node)
    {
        foreach (var other in Nodes) other.IsLeader = false;
        Nodes[node].IsLeader = true;
    }

    public EventStoreJournalOptions Options(string stream = "gateway-test") => new()
    {
        Uri = Parse(Uri),
        Stream = stream,
        StatePath = StatePath,
        StartTimeout = TimeSpan.Zero,
        ProbeInterval = TimeSpan.FromMilliseconds(200),
        LongestPause = TimeSpan.FromMilliseconds(300),
    };

    public EventStoreJournal Journal(Func<EventStoreJournalOptions, EventStoreJournalOptions>? change = null) => new(change is null ? Options() : change(Options()));

    public static EventStoreUri Parse(string uri) => EventStoreUri.TryParse(uri, out var parsed, out var error) ? parsed : throw new ArgumentException(error);

    public async ValueTask DisposeAsync()
    {
        foreach (var node in Nodes) await node.DisposeAsync();
        _certificate?.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static (X509Certificate2 Server, string CaFile) MakeCertificates(string folder)
    {
        using var authorityKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var authorityRequest = new CertificateRequest("CN=test authority", authorityKey, HashAlgorithmName.SHA256);
        authorityRequest.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var authority = authorityRequest.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        using var issued = request.Create(authority, DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(20), [1, 2, 3, 4]);
        using var withKey = issued.CopyWithPrivateKey(key);
        var ca = Path.Combine(folder, "ca.pem");
        File.WriteAllText(ca, authority.ExportCertificatePem());
        return (X509CertificateLoader.LoadPkcs12(withKey.Export(X509ContentType.Pkcs12), null), ca);
    }
}
