using System.Text.Json;
using Gateway.Host.Import;
using Gateway.Policy;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Import;

/// <summary>What of a swanctl.conf becomes items, and that everything else is named.</summary>
public sealed class SwanctlImportTests : IDisposable
{
    private const string Site = """
        connections {
          branch {
            version = 2
            local_addrs = 198.51.100.1
            remote_addrs = 203.0.113.2, branch.example
            proposals = aes128gcm16-prfsha256-x25519, blowfish128-sha256-x25519
            dpd_delay = 30s
            mobike = no
            local {
              auth = psk
              id = left.lab
            }
            remote {
              auth = psk
              id = right.lab
            }
            children {
              net {
                local_ts = 10.1.0.0/24, fd01::/64[tcp/80]
                remote_ts = dynamic
                esp_proposals = aes128gcm16-x25519
                start_action = trap
                rekey_bytes = 2g
                dpd_action = restart
              }
            }
          }
        }
        secrets {
          ike-branch {
            id-1 = left.lab
            id-2 = right.lab
            secret = 0sTGFiLXBzaw==
          }
        }
        """;

    private readonly string _folder = Directory.CreateTempSubdirectory("import-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> LabFiles
    {
        get
        {
            var folder = Environment.GetEnvironmentVariable("GATEWAY_LAB_CASES");
            return string.IsNullOrEmpty(folder)
                ? [""]
                : [.. Directory.EnumerateFiles(folder, "*.conf", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(folder, f)).Order(StringComparer.Ordinal)];
        }
    }

    [Fact]
    public void A_connection_with_a_pre_shared_key_is_carried_over_in_its_own_words()
    {
        var report = Import(Site);
        Assert.Equal(["secret/ike-branch", "connection/branch"], report.Items.Select(i => $"{i.Kind}/{i.Name}"));
        Assert.Equal("""{"type":"ike","ids":["left.lab","right.lab"],"secret":"0sTGFiLXBzaw=="}""", report.Items[0].Spec.GetRawText());
        var spec = report.Items[1].Spec.Deserialize<ConnectionSpec>(PolicyJson.Options)!;
        Assert.Equal(["203.0.113.2", "branch.example"], spec.RemoteAddrs);
        Assert.Equal(["aes128gcm16-prfsha256-x25519"], spec.Proposals);
        Assert.Equal(30, spec.DpdDelay.Seconds);
        Assert.False(spec.Mobike);
        Assert.Equal("right.lab", spec.Remote[0].Id);
        var child = spec.Children["net"];
        Assert.Equal(["10.1.0.0/24", "fd01::/64[tcp/80]"], child.LocalTs);
        Assert.Equal(StartAction.Trap, child.StartAction);
        Assert.Equal(LossAction.Start, child.DpdAction);
        Assert.Equal(2L << 30, child.RekeyBytes);
        var lost = Assert.Single(report.NotCarriedOver);
        Assert.Equal("connections.branch.proposals", lost.Path);
        Assert.Contains("blowfish128-sha256-x25519", lost.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("auth = psk\n      id = right.lab", "auth = eap-gtc", "connections.branch.remote.auth")]
    [InlineData("auth = psk\n      id = right.lab", "auth = pubkey\n groups = vpn", "connections.branch.remote.groups")]
    [InlineData("auth = psk\n      id = right.lab", "auth = pubkey\n certs = missing.crt", "connections.branch.remote.certs")]
    [InlineData("auth = psk\n      id = right.lab", "auth = pubkey\n cacert-1 {\n handle = 01ff\n }", "connections.branch.remote.cacert-1")]
    [InlineData("auth = psk\n      id = right.lab", "auth = pubkey\n cert-1 {\n file = missing.crt\n }", "connections.branch.remote.cert-1.file")]
    [InlineData("mobike = no", "if_id_out = %unique", "connections.branch.if_id_out")]
    [InlineData("rekey_bytes = 2g", "if_id_in = 4294967296", "connections.branch.children.net.if_id_in")]
    [InlineData("rekey_bytes = 2g", "if_id_in = 089", "connections.branch.children.net.if_id_in")]
    [InlineData("rekey_bytes = 2g", "copy_dscp = maybe", "connections.branch.children.net.copy_dscp")]
    [InlineData("mobike = no", "mobike = perhaps", "connections.branch.mobike")]
    [InlineData("version = 2", "version = 1", "connections.branch")]
    [InlineData("esp_proposals = aes128gcm16-x25519", "esp_proposals = blowfish128-sha256", "connections.branch.children.net.esp_proposals")]
    [InlineData("esp_proposals = aes128gcm16-x25519", "esp_proposals = aes256-md5-x25519", "connections.branch.children.net.esp_proposals")]
    [InlineData("rekey_bytes = 2g", "mark_out = 42", "connections.branch.children.net.mark_out")]
    [InlineData("rekey_bytes = 2g", "mode = beet", "connections.branch.children.net.mode")]
    [InlineData("rekey_bytes = 2g", "local_ts = 10.1.0.0/33", "connections.branch.children.net.local_ts")]
    public void What_would_protect_or_admit_something_else_is_left_out_as_a_whole(string instead, string of, string path)
    {
        Assert.Contains(instead, Site, StringComparison.Ordinal);
        var report = Import(Site.Replace(instead, of, StringComparison.Ordinal));
        Assert.DoesNotContain(report.Items, i => i.Kind == "connection");
        Assert.Contains(report.NotCarriedOver, l => l.Path == path && l.Matters);
    }

    [Theory]
    [InlineData("rekey_bytes = 2g", "mode = transport", "mode", "\"transport\"")]
    [InlineData("rekey_bytes = 2g", "inactivity = 30m", "inactivity", "\"30m\"")]
    [InlineData("mobike = no", "childless = force", "childless", "\"force\"")]
    [InlineData("mobike = no", "if_id_in = 7", "if_id_in", "7")]
    [InlineData("mobike = no", "if_id_out = 0xFFFFFFFF", "if_id_out", "4294967295")]
    [InlineData("rekey_bytes = 2g", "if_id_in = 052", "if_id_in", "42")]
    [InlineData("rekey_bytes = 2g", "if_id_out = 42", "if_id_out", "42")]
    [InlineData("rekey_bytes = 2g", "copy_dscp = yes", "copy_dscp", "\"yes\"")]
    [InlineData("rekey_bytes = 2g", "copy_dscp = in", "copy_dscp", "\"in\"")]
    [InlineData("mobike = no", "childless = prefer", "childless", "\"prefer\"")]
    public void What_names_a_feature_is_carried_over(string instead, string of, string property, string value)
    {
        var report = Import(Site.Replace(instead, of, StringComparison.Ordinal));
        var spec = Assert.Single(report.Items, i => i.Kind == "connection").Spec;
        if (!spec.TryGetProperty(property, out var found)) found = spec.GetProperty("children").GetProperty("net").GetProperty(property);
        Assert.Equal(value, found.GetRawText());
        Assert.DoesNotContain(report.NotCarriedOver, l => l.Path.EndsWith(property, StringComparison.Ordinal));
    }

    [Fact]
    public void Volumes_codepoints_and_combined_actions_are_carried_over()
    {
        var report = Import("""
            connections {
              branch {
                remote_addrs = 203.0.113.2
                dscp = 101110
                local { auth = psk }
                remote { auth = rsa-3072-sha256-ike:rsa-sha512 }
                children {
                  net {
                    rekey_bytes = 1g
                    rand_bytes = 10m
                    rekey_packets = 1000
                    rand_packets = 10
                    copy_dscp = yes
                    start_action = trap|start
                  }
                }
              }
            }
            """);
        Assert.Empty(report.NotCarriedOver);
        var spec = Assert.Single(report.Items).Spec.Deserialize<ConnectionSpec>(PolicyJson.Options)!;
        var child = spec.Children["net"];
        Assert.Equal("101110", spec.Dscp);
        Assert.Equal((1L << 30, 10L << 20, 1000, 10), (child.RekeyBytes, child.RandBytes, child.RekeyPackets, child.RandPackets));
        Assert.Equal((DscpCopy.Yes, StartAction.TrapStart), (child.CopyDscp, child.StartAction));
    }

    [Fact]
    public void Pools_and_the_wish_for_addresses_are_carried_over()
    {
        const string pools = "pools {\n  rw {\n    addrs = 10.3.0.0/28\n    dns = 10.1.0.53, fd01::53\n    subnet = 10.1.0.0/24\n  }\n  odd {\n    addrs = database\n  }\n}\n";
        var report = Import(Site.Replace("mobike = no", "mobike = no\n    pools = rw, radius\n    vips = 0.0.0.0, ::", StringComparison.Ordinal) + pools);
        var pool = Assert.Single(report.Items, i => i.Kind == "pool");
        Assert.Equal("""{"addrs":"10.3.0.0/28","dns":["10.1.0.53","fd01::53"],"subnet":["10.1.0.0/24"]}""", pool.Spec.GetRawText());
        var connection = Assert.Single(report.Items, i => i.Kind == "connection").Spec;
        Assert.Equal("""["rw"]""", connection.GetProperty("pools").GetRawText());
        Assert.Equal("""["0.0.0.0","::"]""", connection.GetProperty("vips").GetRawText());
        Assert.Contains(report.NotCarriedOver, l => l.Path == "pools.odd.addrs" && l.Matters);
        Assert.Contains(report.NotCarriedOver, l => l.Path == "connections.branch.pools" && l.Matters);
    }

    [Theory]
    [InlineData("pools = rw", "connections.branch.pools", true)]
    [InlineData("ocsp = both", "connections.branch.ocsp", false)]
    [InlineData("colour = blue", "connections.branch.colour", true)]
    [InlineData("aggressive = yes", "connections.branch.aggressive", false)]
    public void What_only_does_less_is_named_and_the_rest_carried_over(string line, string path, bool matters)
    {
        var report = Import(Site.Replace("mobike = no", line, StringComparison.Ordinal));
        Assert.Contains(report.Items, i => i.Kind == "connection");
        Assert.Contains(report.NotCarriedOver, l => l.Path == path && l.Matters == matters);
    }

    [Theory]
    [InlineData("pass", "bypass")]
    [InlineData("drop", "discard")]
    public void A_child_that_passes_or_drops_becomes_a_policy(string mode, string action)
    {
        var report = Import($$"""
            connections {
              shunts {
                children {
                  lan { local_ts = 10.1.0.0/24
                    remote_ts = 10.9.0.0/16
                    mode = {{mode}}
                    start_action = trap
                  }
                  idle { mode = {{mode}} }
                }
              }
            }
            """);
        var item = Assert.Single(report.Items);
        Assert.Equal(("policy", "shunts-lan"), (item.Kind, item.Name));
        Assert.Equal($$"""{"action":"{{action}}","local_ts":["10.1.0.0/24"],"remote_ts":["10.9.0.0/16"]}""", item.Spec.GetRawText());
        Assert.Equal("connections.shunts.children.idle", Assert.Single(report.NotCarriedOver).Path);
    }

    [Fact]
    public void Secrets_are_carried_over_and_files_that_cannot_be_read_are_named_without_their_content()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "private"));
        File.WriteAllText(Path.Combine(_folder, "private", "left.key"), "-----BEGIN");
        var report = Import("""
            secrets {
              eap-bob {
                id = bob
                secret = Passw0rd!
              }
              ike { secret = "plain text" }
              ike-any {
                id = %any
                secret = 0x00ff
              }
            }
            """);
        Assert.Equal(
            ["""{"type":"eap","ids":["bob"],"secret":"Passw0rd!"}""", """{"type":"ike","secret":"plain text"}""", """{"type":"ike","secret":"0x00ff"}"""],
            report.Items.Select(i => i.Spec.GetRawText()));
        Assert.Equal(["private/left.key"], report.NotCarriedOver.Select(l => l.Path));
        Assert.DoesNotContain(report.NotCarriedOver, l => l.ToString().Contains("Passw0rd", StringComparison.Ordinal) || l.ToString().Contains("BEGIN", StringComparison.Ordinal));
    }

    [Fact]
    public void Certificates_and_keys_of_the_folders_are_carried_over_and_named_by_the_connection()
    {
        using var key = System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256);
        var request = new System.Security.Cryptography.X509Certificates.CertificateRequest("CN=left.lab", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        foreach (var folder in (string[])["x509", "x509ca", "private", "pubkey"]) Directory.CreateDirectory(Path.Combine(_folder, folder));
        File.WriteAllText(Path.Combine(_folder, "x509", "left.crt"), certificate.ExportCertificatePem());
        File.WriteAllBytes(Path.Combine(_folder, "x509ca", "ca.crt"), certificate.RawData);
        File.WriteAllText(Path.Combine(_folder, "pubkey", "left.pub"), key.ExportSubjectPublicKeyInfoPem());
        File.WriteAllText(Path.Combine(_folder, "private", "left.key"), key.ExportEncryptedPkcs8PrivateKeyPem(
            "open it", new System.Security.Cryptography.PbeParameters(System.Security.Cryptography.PbeEncryptionAlgorithm.Aes128Cbc, System.Security.Cryptography.HashAlgorithmName.SHA256, 1000)));
        var report = Import("""
            connections {
              branch {
                local-1 {
                  certs = left.crt
                  id = left.lab
                }
                remote-1 { auth = rsa-3072-sha256
                  cacerts = ca.crt
                  revocation = strict
                }
                remote-2 { auth = eap-mschapv2
                  eap_id = %any
                }
                children { net { } }
              }
            }
            authorities {
              lab { cacert = ca.crt
                crl_uris = http://crl.lab/a.crl, http://crl.lab/b.crl
              }
            }
            secrets {
              private-left { file = left.key
                secret = "open it"
              }
            }
            """);
        Assert.Empty(report.NotCarriedOver);
        Assert.Equal(
            ["certificate/x509/left.crt", "certificate/x509ca/ca.crt", "certificate/pubkey/left.pub", "secret/private/left.key", "authority/lab", "connection/branch"],
            report.Items.Select(i => $"{i.Kind}/{i.Name}"));
        Assert.Equal("""{"cacert":"x509ca/ca.crt","crl_uris":["http://crl.lab/a.crl","http://crl.lab/b.crl"]}""", report.Items[4].Spec.GetRawText());
        var spec = report.Items[5].Spec.Deserialize<ConnectionSpec>(PolicyJson.Options)!;
        Assert.Equal(("pubkey", "x509/left.crt"), (spec.Local[0].Auth.Text, spec.Local[0].Certs[0]));
        Assert.Equal((RevocationPolicy.Strict, "x509ca/ca.crt", "%any"), (spec.Remote[0].Revocation, spec.Remote[0].Cacerts[0], spec.Remote[1].EapId));
        var secret = report.Items[3].Spec.GetProperty("secret").GetString()!;
        Assert.True(Gateway.Crypto.Signatures.PrivateKey.TryParse(Convert.FromBase64String(secret[2..]), out var carried));
        using (carried) Assert.Equal(key.ExportSubjectPublicKeyInfo(), carried.Public.Info.ToArray());
    }

    [Fact]
    public void Rounds_go_by_their_numbers_and_the_numbers_are_not_told_as_lost()
    {
        var report = Import("""
            connections {
              branch {
                local-b { round = 1
                  auth = psk
                }
                local-a { round = 2
                  auth = eap-md5
                }
                remote { auth = psk
                }
                children { net { } }
              }
            }
            """);
        Assert.Empty(report.NotCarriedOver);
        var spec = Assert.Single(report.Items).Spec.Deserialize<ConnectionSpec>(PolicyJson.Options)!;
        Assert.Equal(["psk", "eap-md5"], spec.Local.Select(r => r.Auth.Text));
    }

    [Fact]
    public void A_fault_in_the_file_changes_nothing_and_is_told_with_its_line()
    {
        var report = Import(Site + "\nconnections {\n");
        Assert.Empty(report.Items);
        Assert.Contains($"swanctl.conf:{Site.Split('\n').Length + 2}:", report.Error, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(LabFiles))]
    public void A_configuration_of_the_lab_is_carried_over_or_says_why_not(string file)
    {
        Assert.SkipWhen(file.Length == 0, "GATEWAY_LAB_CASES does not name a folder of strongSwan configurations.");
        var path = Path.Combine(Environment.GetEnvironmentVariable("GATEWAY_LAB_CASES")!, file);
        var report = SwanctlImport.Read(path);
        Assert.Null(report.Error);
        var connections = report.Items.Where(i => i.Kind == "connection").Select(i => i.Spec.Deserialize<ConnectionSpec>(PolicyJson.Options)!).ToList();
        Assert.True(connections.Count > 0 || report.NotCarriedOver.Any(l => l.Path == "connections.lab" && l.Matters), string.Join('\n', report.NotCarriedOver));
        foreach (var lost in report.NotCarriedOver) TestContext.Current.TestOutputHelper?.WriteLine(lost.ToString());
    }

    private ImportReport Import(string text)
    {
        File.WriteAllText(Path.Combine(_folder, "swanctl.conf"), text);
        return SwanctlImport.Read(Path.Combine(_folder, "swanctl.conf"));
    }
}
