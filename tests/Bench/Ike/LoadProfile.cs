using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Gateway.Interop.Lab;
using Gateway.Policy.Items;

namespace Gateway.Bench.Ike;

/// <summary>How many initiators and one responder prove who they are, and what they agree: written once, for the responder as a swanctl.conf that both makes take.</summary>
internal sealed class LoadProfile
{
    internal const string Connection = "load";
    internal const string ResponderId = "gw.load.example";
    internal const string Secret = "as common as it gets";
    private const string _clientId = "client.load.example";
    private const string _proposal = "aes128gcm16-prfsha256-x25519";
    private const string _esp = "aes128gcm16-x25519";

    private readonly bool _psk;
    private readonly string _responderLines;

    private LoadProfile(string name, bool psk, string responderLines)
    {
        (Name, _psk, _responderLines) = (name, psk, responderLines);
        if (psk) return;
        using var root = RSA.Create(3072);
        var ca = new CertificateRequest("C=CH, O=Load, CN=Load CA", root, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        ca.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        ca.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, true));
        ca.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(ca.PublicKey, false));
        using var authority = ca.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
        Authority = authority.ExportCertificatePem();
        Responder = Issue(authority, ResponderId, 1);
        Client = Issue(authority, _clientId, 2);
    }

    /// <summary>Name of the case.</summary>
    internal string Name { get; }

    internal string? Authority { get; }

    internal (string Certificate, string Key)? Responder { get; }

    internal (string Certificate, string Key)? Client { get; }

    internal static LoadProfile Psk(string responderLines = "") => new("psk-x25519", psk: true, responderLines);

    internal static LoadProfile Rsa3072() => new("rsa3072", psk: false, "");

    /// <summary>The responder's configuration: one connection for all that come.</summary>
    internal string ResponderConf() => $$"""
        connections {
          {{Connection}} {
            version = 2
            mobike = no
            unique = never
            local_addrs = {{LabNet.LeftAddress}}
            remote_addrs = %any
            proposals = {{_proposal}}
            {{_responderLines}}
            local {
              auth = {{Auth}}
              id = {{ResponderId}}
              {{(_psk ? "" : "certs = gw.crt")}}
            }
            remote {
              auth = {{Auth}}
              id = {{(_psk ? "*.load.example" : _clientId)}}
            }
            children {
              net {
                local_ts = 10.1.0.0/24
                remote_ts = 10.128.0.0/9
                esp_proposals = {{_esp}}
              }
            }
          }
        }
        secrets {
          {{(_psk ? $"ike-load {{\n    secret = \"{Secret}\"\n  }}" : "")}}
        }
        """;

    /// <summary>The files of certificates and keys that belong to the responder's configuration, in a folder laid out as swanctl's.</summary>
    internal void WriteFiles(string folder)
    {
        if (Responder is not { } own) return;
        foreach (var (name, content) in new[] { ("x509ca/ca.crt", Authority!), ("x509/gw.crt", own.Certificate), ("private/gw.key", own.Key) })
        {
            Directory.CreateDirectory(Path.Combine(folder, Path.GetDirectoryName(name)!));
            File.WriteAllText(Path.Combine(folder, name), content);
        }
    }

    /// <summary>The connection of one initiator: its own name and its own address behind it.</summary>
    internal ConnectionSpec Initiator(int number) => new()
    {
        LocalAddrs = [LabNet.RightAddress],
        RemoteAddrs = [LabNet.LeftAddress],
        Proposals = [_proposal],
        Mobike = false,
        Unique = UniquePolicy.Never,
        RekeyTime = default,
        Local = [new AuthenticationRound { Auth = Word, Id = _psk ? $"c{number}.load.example" : _clientId, Certs = _psk ? [] : ["client"] }],
        Remote = [new AuthenticationRound { Auth = Word, Id = ResponderId }],
        Children = new Dictionary<string, ChildSpec>
        {
            ["net"] = new ChildSpec
            {
                LocalTs = [$"10.{128 + (number >> 16)}.{(number >> 8) & 255}.{number & 255}/32"],
                RemoteTs = ["10.1.0.0/24"],
                EspProposals = [_esp],
                RekeyTime = default,
            },
        },
    };

    private string Auth => _psk ? "psk" : "pubkey";

    private AuthenticationWord Word => _psk ? AuthenticationWord.Psk : AuthenticationWord.Pubkey;

    private static (string Certificate, string Key) Issue(X509Certificate2 authority, string name, byte serial)
    {
        using var key = RSA.Create(3072);
        var request = new CertificateRequest($"C=CH, O=Load, CN={name}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(false, false, 0, false));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.DigitalSignature, true));
        request.CertificateExtensions.Add(new X509AuthorityKeyIdentifierExtension(AuthorityKey(authority)));
        using var certificate = request.Create(authority, DateTimeOffset.UtcNow.AddHours(-12), DateTimeOffset.UtcNow.AddDays(20), [serial]);
        return (certificate.ExportCertificatePem(), key.ExportPkcs8PrivateKeyPem());
    }

    private static byte[] AuthorityKey(X509Certificate2 authority) =>
        X509AuthorityKeyIdentifierExtension.CreateFromCertificate(authority, includeKeyIdentifier: true, includeIssuerAndSerial: false).RawData;
}
