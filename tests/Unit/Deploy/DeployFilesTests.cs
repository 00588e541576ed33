using System.Text.RegularExpressions;
using Gateway.Host.Appliance;
using Gateway.Host.Journal.EventStore;
using Gateway.Unit.House;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace Gateway.Unit.Deploy;

/// <summary>Nothing here starts a container: it holds the files of <c>deploy/</c> to themselves and to what the gateway reads.</summary>
public sealed class DeployFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-deploy-").FullName;

    private static string Deploy => Path.Combine(Repository.Root, "deploy");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_compose_file_names_nothing_that_is_not_there()
    {
        var compose = (YamlMappingNode)Documents(Path.Combine(Deploy, "compose/compose.yaml")).Single();
        var services = Map(compose, "services");
        foreach (var (service, of) in Entries(services))
        {
            foreach (var volume in Items(of, "volumes"))
            {
                var source = volume is YamlMappingNode map ? Text(map, "source") : ((YamlScalarNode)volume).Value!.Split(':')[0];
                if (source.StartsWith("./", StringComparison.Ordinal)) Assert.True(File.Exists(Path.Combine(Deploy, "compose", source)), $"{service}: {source}");
                else Assert.True(Map(compose, "volumes").Children.ContainsKey(source), $"{service}: volume {source}");
            }

            foreach (var secret in Items(of, "secrets"))
                Assert.True(Map(compose, "secrets").Children.ContainsKey(secret is YamlMappingNode map ? Text(map, "source") : ((YamlScalarNode)secret).Value!), $"{service}: a secret");
            foreach (var other in DependsOn(of)) Assert.True(services.Children.ContainsKey(other), $"{service} depends on {other}");
        }

        // Three nodes that name each other.
        foreach (var node in new[] { "1", "2", "3" })
        {
            var environment = Map(Map(services, "store" + node), "environment");
            Assert.Equal(2, Text(environment, "EVENTSTORE_GOSSIP_SEED").Split(',').Length);
            Assert.DoesNotContain($"172.30.240.1{node}:", Text(environment, "EVENTSTORE_GOSSIP_SEED"), StringComparison.Ordinal);
        }

        foreach (var (_, secret) in Entries(Map(compose, "secrets"))) Assert.StartsWith("./secrets/", Text(secret, "file"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_gateway_reads_the_appliance_files_and_finds_its_stores_and_secrets_where_they_are_mounted()
    {
        var compose = ApplianceFile.Load(Path.Combine(Deploy, "compose/appliance.json"));
        Check(compose, "/run/secrets/");
        var services = Map((YamlMappingNode)Documents(Path.Combine(Deploy, "compose/compose.yaml")).Single(), "services");
        Assert.True(EventStoreUri.TryParse(compose.Journal.Uri!, out var uri, out _));
        Assert.All(uri.Hosts, h => Assert.True(services.Children.ContainsKey(h.Host), h.Host));

        var map = Manifests().Single(m => Text(m, "kind") == "ConfigMap" && Text(Map(m, "metadata"), "name") == "gateway-appliance");
        var file = Path.Combine(_folder, "appliance.json");
        File.WriteAllText(file, Text(Map(map, "data"), "appliance.json"));
        Check(ApplianceFile.Load(file), "/etc/gateway/secrets/");

        static void Check(ApplianceConfig appliance, string secrets)
        {
            Assert.Equal(JournalKind.Eventstoredb, appliance.Journal.Kind);
            Assert.True(EventStoreUri.TryParse(appliance.Journal.Uri!, out var uri, out var error), error);
            Assert.Equal((3, true), (uri.Hosts.Count, uri.Tls));
            Assert.StartsWith(secrets, appliance.Journal.PasswordFile, StringComparison.Ordinal);
            Assert.StartsWith(secrets, appliance.Bus.PasswordFile, StringComparison.Ordinal);
            Assert.StartsWith("amqps://", appliance.Bus.Uri, StringComparison.Ordinal);
            Assert.All(new[] { appliance.Journal.Path, appliance.Vault.Path, appliance.Vault.Key, appliance.Api.Socket }, p => Assert.StartsWith("/var/lib/gateway/", p, StringComparison.Ordinal));
        }
    }

    [Fact]
    public void The_manifests_refer_to_what_they_define()
    {
        var defined = Manifests().Select(m => $"{Text(m, "kind")}/{Text(Map(m, "metadata"), "name")}").ToHashSet();
        var set = Manifests().Single(m => Text(m, "kind") == "StatefulSet");
        var pod = Map(Map(Map(set, "spec"), "template"), "spec");
        Assert.Contains("ServiceAccount/" + Text(pod, "serviceAccountName"), defined);
        Assert.Contains("Service/" + Text(Map(set, "spec"), "serviceName"), defined);
        var volumes = Items(pod, "volumes").Cast<YamlMappingNode>().ToDictionary(v => Text(v, "name"));
        foreach (var volume in volumes.Values)
        {
            if (volume.Children.ContainsKey("configMap")) Assert.Contains("ConfigMap/" + Text(Map(volume, "configMap"), "name"), defined);
            if (volume.Children.ContainsKey("secret")) Assert.Contains("Secret/" + Text(Map(volume, "secret"), "secretName"), defined);
        }

        var claims = Items(Map(set, "spec"), "volumeClaimTemplates").Cast<YamlMappingNode>().Select(c => Text(Map(c, "metadata"), "name"));
        var container = (YamlMappingNode)Items(pod, "containers").Single();
        foreach (var mount in Items(container, "volumeMounts").Cast<YamlMappingNode>()) Assert.Contains(Text(mount, "name"), volumes.Keys.Concat(claims));
        Assert.Equal("true", Text(Map(pod, "securityContext"), "runAsNonRoot"));
        Assert.Equal("1", Text(Map(set, "spec"), "replicas"));
        // What the image gives its program must be what the pod is allowed, or it cannot be started.
        var image = File.ReadAllText(Path.Combine(Deploy, "container/Containerfile"));
        var given = Regex.Match(image, @"setcap (\S+)\+ep").Groups[1].Value.Split(',').Select(c => c["cap_".Length..].ToUpperInvariant()).Order();
        Assert.Equal(given, Items(Map(Map(container, "securityContext"), "capabilities"), "add").Select(c => ((YamlScalarNode)c).Value!).Order());
        Assert.Contains($"USER {Text(Map(pod, "securityContext"), "runAsUser")}:", image, StringComparison.Ordinal);
        // The probe waits longer than the start may take.
        var probe = Map(container, "startupProbe");
        Assert.True(int.Parse(Text(probe, "periodSeconds")) * int.Parse(Text(probe, "failureThreshold")) > new JournalSection().StartTimeout);
    }

    [Fact]
    public void No_file_holds_a_password()
    {
        foreach (var secret in Manifests().Where(m => Text(m, "kind") == "Secret"))
            foreach (var (_, value) in Entries(Map(secret, "data"))) Assert.Equal("", ((YamlScalarNode)value).Value);
        foreach (var file in Directory.EnumerateFiles(Deploy, "*", SearchOption.AllDirectories))
            Assert.DoesNotMatch(@"(esdb|amqps?)://[^@/\s""]+:[^@/\s""]+@", File.ReadAllText(file));
        Assert.Contains("deploy/compose/secrets/", File.ReadAllText(Path.Combine(Repository.Root, ".gitignore")), StringComparison.Ordinal);
    }

    [Fact]
    public void The_scripts_are_shell()
    {
        foreach (var script in Directory.EnumerateFiles(Path.Combine(Deploy, "compose"), "*.sh"))
        {
            using var check = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("/bin/sh", ["-n", script]) { RedirectStandardError = true })!;
            var error = check.StandardError.ReadToEnd();
            check.WaitForExit();
            Assert.True(check.ExitCode == 0, error);
        }
    }

    private static List<YamlMappingNode> Manifests() => [.. Documents(Path.Combine(Deploy, "kubernetes/gateway.yaml")).Cast<YamlMappingNode>()];

    private static List<YamlNode> Documents(string file)
    {
        var stream = new YamlStream();
        using var reader = File.OpenText(file);
        stream.Load(reader);
        return [.. stream.Documents.Select(d => d.RootNode)];
    }

    private static YamlMappingNode Map(YamlNode node, string key) => (YamlMappingNode)node[key];

    private static string Text(YamlNode node, string key) => ((YamlScalarNode)node[key]).Value!;

    private static IEnumerable<(string Key, YamlNode Value)> Entries(YamlMappingNode node) => node.Children.Select(c => (((YamlScalarNode)c.Key).Value!, c.Value));

    private static IEnumerable<YamlNode> Items(YamlNode node, string key) => node is YamlMappingNode map && map.Children.TryGetValue(key, out var value) && value is YamlSequenceNode list ? list.Children : [];

    private static IEnumerable<string> DependsOn(YamlNode service)
    {
        if (service is not YamlMappingNode map || !map.Children.TryGetValue("depends_on", out var on)) return [];
        return on is YamlMappingNode named ? named.Children.Keys.Select(k => ((YamlScalarNode)k).Value!) : ((YamlSequenceNode)on).Select(n => ((YamlScalarNode)n).Value!);
    }
}
