/** Shell scripts as users of stacker have them, with `stacker` in PATH: everything together, judged by the scripts. */
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startRegistry } from '../support/registry.ts';
import { has } from '../support/tools.ts';
import { busyboxRoot, useBusybox } from './roots.ts';
import { type Ended, execute, output, type Project, stackerProgram, useWorkspace } from './support.ts';

describe.skipIf(!has('umoci', 'skopeo', 'busybox', 'jq', 'flock', 'docker-registry', 'htpasswd'))(
  'a script that calls stacker',
  () => {
    const workspace = useWorkspace(stackerProgram);
    const busybox = useBusybox(workspace);

    /** Runs a script in a project, which ends at the first command that fails, and then shows its last log. */
    function script(project: Project, text: string, variables = {}): Promise<Ended> {
      const log = project.at('log');
      project.write('script', `set -eux\ntrap '[ $? = 0 ] || cat ${log}' EXIT\n${text}\n`);
      return execute('bash', ['script'], {
        cwd: project.path,
        env: project.environment({
          ...variables,
          // Where skopeo works.
          XDG_RUNTIME_DIR: project.path,
          PATH: `${dirname(stackerProgram)}:${process.env.PATH}`,
          ASHLAR_STORE: project.store,
        }),
      });
    }

    async function succeeds(project: Project, text: string, variables = {}): Promise<void> {
      const { status, stdout, stderr } = await script(project, text, variables);
      expect(status, `${stdout}${stderr}`).toBe(0);
    }

    it('builds, looks, publishes, takes a file out, tries and cleans', async () => {
      const auth = { username: 'jane', password: 'secret' };
      await using registry = await startRegistry({ auth });
      const project = workspace.project();
      project.write('app/tool', '#!/bin/sh\necho tool\n', 0o755);
      project.write(
        'app/stacker.yaml',
        [
          'config: {prerequisites: [../base/stacker.yaml]}',
          'parts:',
          '  from: {type: built, tag: base}',
          '  run: |',
          '    mkdir /parts',
          '    echo "${{VERSION}}" >/parts/version',
          '  build_only: true',
          'app:',
          '  from: {type: built, tag: base}',
          '  imports:',
          '    - stacker://parts/parts/version',
          '    - {path: tool, dest: /bin/}',
          '  environment: {VERSION: "${{VERSION}}"}',
          '  run: |',
          '    cp /stacker/imports/version /etc/version',
          '    rm /etc/passwd',
          '  generate_labels: |',
          '    echo -n "$(cat /etc/version)" >/stacker/oci-labels/version',
          '  entrypoint: /bin/tool --all',
          '  annotations: {org.opencontainers.image.vendor: us}',
          '',
        ].join('\n'),
      );
      project.write('base/stacker.yaml', `base: {from: ${JSON.stringify(busybox)}}\n`);
      await succeeds(
        project,
        `
        build="stacker build -f app/stacker.yaml --substitute VERSION=1.2"
        $build >out 2>log
        [ "$(tail -n 1 log)" = "filesystem app built successfully" ]
        grep -x "+ rm /etc/passwd" out
        $build 2>log
        [ "$(tail -n 1 log)" = "found cached layer app" ]

        [ "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | join(" ")' oci/index.json)" = "base app" ]
        manifest=$(jq -r '.manifests[1].digest' oci/index.json | cut -f2 -d:)
        config=$(jq -r .config.digest oci/blobs/sha256/$manifest | cut -f2 -d:)
        [ "$(jq -r '.config.Labels.version' oci/blobs/sha256/$config)" = 1.2 ]
        [ "$(jq -r '.config.Entrypoint | join(" ")' oci/blobs/sha256/$config)" = "/bin/tool --all" ]
        [ "$(jq -r '.annotations["io.stackeroci.stacker.stacker_yaml"]' oci/blobs/sha256/$manifest | grep -c 'VERSION: "1.2"')" = 1 ]
        stacker inspect app | grep "VERSION=1.2"

        publish="stacker publish -f app/stacker.yaml --substitute VERSION=1.2 --skip-tls --url docker://$HOST/team/"
        $publish --tag 1.2 --tag latest --username jane --password secret 2>log
        grep -x "will not publish: app/stacker.yaml build_only parts" log
        grep -x "publishing app/stacker.yaml app to docker://$HOST/team/app:1.2" log
        if $publish --tag 1.2 --username jane 2>log; then exit 1; fi
        grep "supply both username and password, or none of them" log
        $publish --tag 1.2 --show-only 2>log
        [ "$(tail -n 1 log)" = "would publish: app/stacker.yaml app to docker://$HOST/team/app:1.2" ]
        skopeo copy --quiet --src-creds jane:secret --src-tls-verify=false docker://$HOST/team/app:latest oci:back:app
        umoci ls --layout back

        mkdir grabbed; (cd grabbed; stacker --work-dir .. grab app:/etc/version; [ "$(ls -A)" = version ])
        [ "$(cat grabbed/version)" = 1.2 ]
        stacker grab parts:/parts; [ "$(cat parts/version)" = 1.2 ]

        echo "[ -f /bin/tool ] && [ ! -e /etc/passwd ] && touch /made && exit 7" >commands
        status=0; stacker chroot -f app/stacker.yaml --substitute VERSION=1.2 app <commands 2>log || status=$?
        [ $status = 7 ]
        grep "This chroot is temporary, any changes will be destroyed when it exits." log
        [ "$(stacker exec -f app/stacker.yaml --substitute VERSION=1.2 app /bin/tool)" = tool ]
        stacker chroot -f app/stacker.yaml --substitute VERSION=1.2 app sh -c '[ ! -e /made ]'

        stacker clean
        [ ! -e oci ] && [ ! -e roots ] && [ ! -e .stacker ]`,
        { HOST: registry.host },
      );
    });

    it('looks into the directories, and takes their locks', async () => {
      const project = workspace.project();
      project.write('data', 'data');
      await output('cp', [busyboxRoot(workspace.path), project.at('base.tar')]);
      project.writeStackerFile(
        [
          'base: {from: {type: tar, url: base.tar}, build_only: true}',
          'made:',
          '  from: {type: built, tag: base}',
          '  import: [data]',
          '  run: cp /stacker/data /made && tar -C / -cf /made.tar made',
          '  build_only: true',
          'packed: {from: {type: tar, url: "stacker://made/made.tar"}, build_only: true}',
          'image: {from: {type: built, tag: made}, run: rm /made.tar}',
          '',
        ].join('\n'),
      );
      await succeeds(
        project,
        `
        mkdir work elsewhere
        cd elsewhere; stacker --work-dir ../work build -f ../stacker.yaml 2>../log && exit 1 || true
        grep base.tar ../log
        cd ..; stacker --work-dir work build; [ -z "$(ls -A elsewhere)" ]
        cmp data work/.stacker/imports/made/data
        cmp base.tar work/.stacker/layer-bases/base.tar
        [ "$(cat work/.stacker/storage.type)" = overlay ]
        [ "$(cat work/roots/made/overlay/made)" = data ]
        [ "$(cat work/roots/packed/overlay/made)" = data ]
        manifest=$(jq -r '.manifests[0].digest' work/oci/index.json | cut -f2 -d:)
        top=$(jq -r '.layers[-1].digest' work/oci/blobs/sha256/$manifest | tr : _)
        [ -d work/roots/$top/overlay ]
        for lock in work/roots/.lock work/.stacker/.lock; do
          (
            flock 9
            if stacker --work-dir work build >log 2>&1; then exit 1; fi
            grep "couldn't acquire lock on $PWD/$lock: lock owned by pid" log
          ) 9<$lock
        done
        stacker --work-dir work build --no-cache
        stacker --work-dir work clean; [ -z "$(ls -A work)" ]`,
      );
    });

    it('converts a Dockerfile, builds what is below a directory, and publishes that', async () => {
      const project = workspace.project();
      project.write('src/app', 'app');
      project.write(
        'service/Dockerfile',
        [
          'FROM scratch AS files',
          'COPY app /opt/app',
          'FROM scratch',
          'ARG VERSION=1',
          'COPY --from=files /opt/app /srv/app',
          'LABEL version=$VERSION',
          'ENTRYPOINT ["/srv/app"]',
          '',
        ].join('\n'),
      );
      project.write('service/app', 'app');
      await succeeds(
        project,
        `
        (cd service; stacker convert 2>../log; ls stacker.yaml stacker-subs.yaml)
        mkdir -p src/nested/deep
        printf 'nested: {from: {type: scratch}, imports: [{path: ../../app, dest: /}]}\\n' >src/nested/deep/stacker.yaml
        flags="--substitute-file service/stacker-subs.yaml --substitute VERSION=2"
        stacker recursive-build $flags --order-only 2>log
        [ "$(tail -n 1 log)" = "1 build $PWD/src/nested/deep/stacker.yaml: requires: []" ]
        stacker recursive-build $flags 2>log
        umoci ls --layout oci | grep -x nested
        umoci ls --layout oci | grep -x app
        stacker publish -d . $flags --url oci:published --tag v1 2>log
        umoci ls --layout published | grep -x nested_v1
        umoci raw unpack --rootless --image published:app_v1 unpacked
        [ "$(cat unpacked/srv/app)" = app ]
        stacker gc --dry-run
        stacker check
        stacker clean`,
      );
    });
  },
);
